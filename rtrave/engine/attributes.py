"""Attributes of a model as controls: what the vector says is told to the stream. Audio process, the engine's thread."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from rtrave.control.vector import Layout


class HasAttributes(Protocol):
    """A stream whose model has attributes: see `rtrave.streaming.stream.Stream`."""

    @property
    def attributes(self) -> tuple[str, ...]: ...
    def set_attribute(self, name: str, value: bool) -> None: ...


class Attributes:
    """Brings a model's attributes to where the controls have them; for a model without any, nothing."""

    def __init__(self, stream: HasAttributes, layout: Layout) -> None:
        self._stream = stream
        self._slots = {name: layout.slots[f"attribute/{name}"].start for name in stream.attributes}
        self.seen = np.zeros(len(self._slots))  # the last values; of a trigger, how often it had fired
        self._fresh = True

    def follow(self, controls: np.ndarray) -> None:
        """Set what has changed since the last hop."""
        for k, (name, slot) in enumerate(self._slots.items()):
            value = controls[slot]
            if value != self.seen[k]:
                fires = name.startswith("reset")
                if not (fires and self._fresh):  # a run may begin with any count
                    self._stream.set_attribute(name, fires or bool(value))
                self.seen[k] = value
        self._fresh = False

    def forget(self) -> None:
        """After a reset of the stream: it has what it had at the beginning."""
        self.seen[...] = [0.0 if not name.startswith("reset") else self.seen[k] for k, name in enumerate(self._slots)]
