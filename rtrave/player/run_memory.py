"""The shared memory of a live run: that of the model that plays, and that of a model of another shape being loaded.

The second one receives every control, too, until its model plays. Only the OSC server's thread of the control process
calls it, unless a method says otherwise.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from rtrave.backends.facts import ModelFacts
from rtrave.control.vector import Layout, Vector, carrier, make_layout
from rtrave.ipc.shared_memory import Shared, create
from rtrave.ipc.shared_spec import SharedSection, SharedSpec, spec_for


def sizes(model: ModelFacts, layout: Layout, second: int) -> SharedSpec:
    """Choose the sizes of the shared memory for a model; `second`: channels of the second input."""
    rows = (model.spec.full_latent_size, model.shape.latent_frames, layout.size, model.hop)
    return spec_for(model.channels, *rows, second=second)


def same_rows(one: SharedSpec, other: SharedSpec) -> bool:
    """Tell whether one shared memory serves two models: their rings may differ in capacity, not in rows."""
    first, second = ((s.channels, s.dims, s.latent_frames, s.controls) for s in (one, other))
    return first == second


@dataclass(frozen=True)
class _Prepared:
    layout: Layout
    shared: Shared
    carry: Callable[[Vector], Vector]  # from the present layout to this one


class RunMemory:
    """Memory in which the audio process reads the controls and writes its sound, latents and counters.

    Parameters
    ----------
    model : ModelFacts
        The model that plays first.
    layout : Layout
    second : int
        Channels of the second input; 0 without one.

    Attributes
    ----------
    shared : Shared
        Memory of the model that plays.
    layout : Layout
        Its control vector.
    """

    def __init__(self, model: ModelFacts, layout: Layout, second: int = 0) -> None:
        self._second = second
        self.layout, self.shared = layout, create(sizes(model, layout, second))
        self._prepared: _Prepared | None = None

    def publish(self, values: Vector) -> None:
        """Write the control vector, also in the layout of a model that is being loaded."""
        self.shared.controls.write(values)
        prepared = self._prepared
        if prepared is not None:
            prepared.shared.controls.write(prepared.carry(values))

    def prepare(self, model: ModelFacts, values: Vector) -> SharedSection | None:
        """Create the memory for a model, with the present controls; None where it fits into the present memory.

        RtraveError where the system has none left.
        """
        layout = make_layout(model.spec.full_latent_size, self.layout.seed)
        needed = sizes(model, layout, self._second)
        if same_rows(needed, self.shared.spec):
            return None
        self._prepared = _Prepared(layout, create(needed), carrier(self.layout, layout))
        self.publish(values)
        return self._prepared.shared.section

    def adopt(self) -> None:
        """Replace the present memory by the prepared one, if any: its model plays."""
        prepared, self._prepared = self._prepared, None
        if prepared is not None:
            self.shared.unlink()
            self.layout, self.shared = prepared.layout, prepared.shared

    def discard(self) -> None:
        """Remove the prepared memory: its model does not play. Any thread."""
        prepared, self._prepared = self._prepared, None
        if prepared is not None:
            prepared.shared.unlink()

    def close(self) -> None:
        """Remove the files. Any thread, at the end."""
        self.discard()
        self.shared.unlink()
