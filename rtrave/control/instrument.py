"""Snapshots, morphs, and the other macros, which move many controls at once. The OSC server's thread."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from rtrave.control.arguments import name as checked_name
from rtrave.control.namespace import Controls, Values
from rtrave.control.parameter import FIDELITY, ROOT, SECOND_INPUT, Value
from rtrave.control.vector import Layout, Vector, carrier
from rtrave.errors import ControlError

MAX_SNAPSHOTS = 256
MAX_GLIDE_S = 60.0
SOURCE_B = ROOT + "source/b"
INPUT2 = "input2"  # name of the second input as source B
MORPH = ROOT + "morph/"


def second_slot(available: bool) -> int:
    """Return the number of the second input as source B; ControlError `denied` where it is not available."""
    if not available:
        raise ControlError("denied", "no second input is open: start with --second-input, or use a clip", 0)
    return SECOND_INPUT


class Instrument:
    """The macros and snapshots of one set of controls.

    Parameters
    ----------
    controls : Controls
        The instrument registers its macros here.
    shares : sequence of float
        Share of the latents' variance that the first 1, 2, ... components explain (`ModelSpec.fidelity`); empty where
        the model has no PCA.
    choose_source : callable or None
        (name of source B) -> its number in the control vector, or None where it will be set later; may raise a
        ControlError. Without it there is no second source. It may be assigned after the construction.

    Attributes
    ----------
    snapshots : dict
        Name to a vector, float64 [layout.size]; only the numbers of `Layout.persisted` count.
    """

    def __init__(
        self,
        controls: Controls,
        shares: Sequence[float] = (),
        choose_source: Callable[[str], int | None] | None = None,
    ) -> None:
        self.controls, self.shares = controls, tuple(shares)
        self.snapshots: dict[str, Vector] = {}
        self.choose_source = choose_source
        self._lay_out()
        controls.macros[SOURCE_B] = ("off",)
        controls.on_macro |= {
            FIDELITY: self._set_fidelity,
            SOURCE_B: self._set_source,
            MORPH + "a": self._check_names,
            MORPH + "b": self._check_names,
            MORPH + "corners": self._check_names,
            MORPH + "pos": self._set_position,
            MORPH + "xy": self._set_xy,
        }
        controls.shown[FIDELITY] = self._fidelity

    def adopt(self, layout: Layout, attributes: Iterable[str] = (), shares: Sequence[float] = ()) -> None:
        """Play another model: controls and snapshots keep the values of the addresses that its layout has."""
        carry = carrier(self.controls.layout, layout)
        self.controls.adopt(layout, attributes)
        self.shares = tuple(shares)
        self.snapshots = {name: carry(values) for name, values in self.snapshots.items()}
        self._lay_out()

    def _lay_out(self) -> None:
        layout = self.controls.layout
        self._persisted = np.flatnonzero(layout.persisted())
        self._smooth = layout.glides()[self._persisted]
        self._dims = layout.slots["dims"].start

    # Snapshots

    def store(self, given: Value) -> None:
        """Store the controls under a name; ControlError `busy` beyond 256 snapshots, `bad-name` for an unfit name."""
        name = checked_name(given)
        if name not in self.snapshots and len(self.snapshots) >= MAX_SNAPSHOTS:
            raise ControlError("busy", f"there are {MAX_SNAPSHOTS} snapshots: delete one first", 0)
        self.snapshots[name] = self.controls.values.copy()

    def recall(self, given: Value, glide_s: Value = 0.0) -> None:
        """Set the controls to a snapshot, at once or with a glide of `glide_s` seconds."""
        snapshot = self._find(given, 0)
        values, slots = self.controls.values, self.controls.layout.slots
        values[self._persisted] = snapshot[self._persisted]
        values[slots["glide/time"]] = min(max(float(glide_s), 0.0), MAX_GLIDE_S)
        values[slots["glide/count"]] += 1.0

    def delete(self, given: Value) -> None:
        """Delete a snapshot."""
        self._find(given, 0)
        del self.snapshots[str(given)]

    def names(self) -> tuple[str, ...]:
        """Return the names of the snapshots, in the order they were first stored."""
        return tuple(self.snapshots)

    def actions(self) -> dict[str, Callable[..., object]]:
        """Return the actions of the snapshot addresses."""
        return {
            ROOT + "snapshot/store": self.store,
            ROOT + "snapshot/recall": self.recall,
            ROOT + "snapshot/delete": self.delete,
        }

    def _find(self, given: Value, argument: int) -> Vector:
        snapshot = self.snapshots.get(str(given))
        if snapshot is None:
            expected = f"one of {', '.join(self.names()[:8])}" if self.snapshots else "a stored one, and there is none"
            raise ControlError("bad-name", f"snapshot: expected {expected}, got {str(given)[:40]!r}", argument)
        return snapshot

    # Morphs

    def _check_names(self, names: Values) -> None:
        for k, name in enumerate(names):
            self._find(name, k)

    def _set_position(self, values: Values) -> None:
        a, b = (self.controls.macros[MORPH + end][0] for end in ("a", "b"))
        position = float(values[0])
        self._blend((a, b), (1 - position, position), "morph/a and morph/b")

    def _set_xy(self, values: Values) -> None:
        x, y = (float(value) for value in values)
        corners = self.controls.macros[MORPH + "corners"]
        self._blend(corners, ((1 - x) * (1 - y), x * (1 - y), (1 - x) * y, x * y), "morph/corners")

    def _blend(self, names: Values, weights: Sequence[float], missing: str) -> None:
        """Set numbers to the weighted mean of the snapshots, words and switches to those of the nearest one."""
        if "" in names:
            raise ControlError("denied", f"no snapshots to morph between: set {missing} first")
        found = np.array([self._find(name, 0)[self._persisted] for name in names])
        nearest = found[int(np.argmax(weights))]
        mean = found[0] + np.asarray(weights[1:]) @ (found[1:] - found[0])
        self.controls.values[self._persisted] = np.where(self._smooth, mean, nearest)
        mean_dims = mean[self._persisted == self._dims]
        self.controls.values[self._dims] = np.round(mean_dims[0])

    # Fidelity and the second source

    def _set_fidelity(self, values: Values) -> None:
        self.controls.values[self._dims] = self._dims_for(float(values[0]))

    def _dims_for(self, fidelity: float) -> int:
        """Return the smallest number of components that explain the share `fidelity`; all of them for 1."""
        if not self.shares:
            raise ControlError("denied", "this model has no PCA of its latents, hence no fidelity: use /rtrave/dims")
        if fidelity >= 1:
            return self.controls.layout.dims
        return 1 + int(np.searchsorted(np.asarray(self.shares), fidelity - 1e-6).clip(0, len(self.shares) - 1))

    def _fidelity(self) -> Values:
        """Return the fidelity that was set while it fits `dims`, else the share that `dims` components explain."""
        dims = int(self.controls.values[self._dims])
        sent = float(self.controls.macros[FIDELITY][0])
        if not self.shares or self._dims_for(sent) == dims:
            return (sent,)
        return (float(self.shares[min(dims, len(self.shares)) - 1]),)

    def _set_source(self, values: Values) -> None:
        name = str(values[0])
        if name != "off" and self.choose_source is None:
            raise ControlError("denied", "no second source is available here", 0)
        slot = 0 if name == "off" or self.choose_source is None else self.choose_source(name)
        self.controls.values[self.controls.layout.slots["source/slot"]] = slot or 0
