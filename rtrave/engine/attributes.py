"""A model's attributes as controls: sets on the stream what the control vector says. Audio process."""

from __future__ import annotations

import numpy as np

from rtrave.control.vector import Layout
from rtrave.streaming.stream import Stream


class Attributes:
    """Sets a model's attributes when their controls move. The engine's thread.

    Parameters
    ----------
    stream : Stream
        The stream of a model without attributes stays unchanged.
    layout : Layout

    Attributes
    ----------
    seen : float64 [attributes]
        Their controls in the last hop; the control of a trigger counts how often it has fired.
    """

    def __init__(self, stream: Stream, layout: Layout) -> None:
        self._stream = stream
        self._slots = {name: layout.slots[f"attribute/{name}"].start for name in stream.attributes}
        self.seen = np.zeros(len(self._slots))
        self._first = True

    def follow(self, controls: np.ndarray) -> None:
        """Set what has changed since the last hop."""
        for k, (name, slot) in enumerate(self._slots.items()):
            value = controls[slot]
            if value != self.seen[k]:
                fires = name.startswith("reset")
                if not (fires and self._first):  # a run may begin with any count
                    self._stream.set_attribute(name, fires or bool(value))
                self.seen[k] = value
        self._first = False

    def reset(self) -> None:
        """Note that a reset of the stream has set its attributes back to their initial values."""
        self.seen[...] = [0.0 if not name.startswith("reset") else self.seen[k] for k, name in enumerate(self._slots)]
