"""The shared memory of a live run: one for the model that plays, and beside it one for a model of another shape that is
being loaded, which hears every control until it plays itself. Control process, the OSC server's thread."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rtrave.backends.facts import ModelFacts
from rtrave.control.vector import Layout, Vector, carrier, make_layout
from rtrave.ipc.shared_memory import Shared, SharedSpec, create, section, spec_for


def sizes(model: ModelFacts, layout: Layout, second: int) -> SharedSpec:
    """Of the shared memory of a model; `second`: channels of the second input."""
    rows = (model.spec.full_latent_size, model.shape.latent_frames, layout.size, model.hop)
    return spec_for(model.channels, *rows, second=second)


def same_rows(one: SharedSpec, other: SharedSpec) -> bool:
    """Whether one shared memory serves two models: the capacity of its rings may differ, their rows may not."""
    first, second = ((s.channels, s.dims, s.latent_frames, s.controls) for s in (one, other))
    return first == second


@dataclass(frozen=True)
class _Next:
    layout: Layout
    shared: Shared
    carry: Callable[[Vector], Vector]


class RunMemory:
    """Where the audio process reads the controls and writes what it played.

    Parameters
    ----------
    model : ModelFacts
        That plays first.
    layout : Layout
    second : int
        Channels of the second input, 0 where there is none.

    Attributes
    ----------
    shared : Shared
        Of the model that plays.
    layout : Layout
        Likewise.
    """

    def __init__(self, model: ModelFacts, layout: Layout, second: int = 0) -> None:
        self._second = second
        self.layout, self.shared = layout, create(sizes(model, layout, second))
        self._next: _Next | None = None

    def publish(self, values: Vector) -> None:
        """Write the control vector, and what it is in the layout of a model that is being loaded."""
        self.shared.controls.write(values)
        coming = self._next
        if coming is not None:
            coming.shared.controls.write(coming.carry(values))

    def prepare(self, model: ModelFacts, values: Vector) -> dict[str, Any] | None:
        """Make room for a model, with the controls as they are; what the audio process is told of it, None where it
        fits into what is there.

        RtraveError where there is no memory for it.
        """
        layout = make_layout(model.spec.full_latent_size, self.layout.seed)
        wanted = sizes(model, layout, self._second)
        if same_rows(wanted, self.shared.spec):
            return None
        self._next = _Next(layout, create(wanted), carrier(self.layout, layout))
        self.publish(values)
        return section(self._next.shared)

    def take_over(self) -> None:
        """The model that was prepared for plays: its room is the room."""
        coming, self._next = self._next, None
        if coming is not None:
            self.shared.unlink()
            self.layout, self.shared = coming.layout, coming.shared

    def forget(self) -> None:
        """The model that was prepared for does not play. Any thread."""
        coming, self._next = self._next, None
        if coming is not None:
            coming.shared.unlink()

    def close(self) -> None:
        """Remove the files. Any thread, at the end."""
        self.forget()
        self.shared.unlink()
