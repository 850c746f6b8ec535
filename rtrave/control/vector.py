"""The control vector: every control as one float64 array, its layout derived from the table.

Used in both processes: the control process writes it, the engine reads it once per hop.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from rtrave.control.parameter import ROOT, TABLE, Parameter, resolve
from rtrave.errors import RtraveError

Vector = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Layout:
    """Where each control stands in the vector of a model with `dims` latent dimensions.

    Parameters
    ----------
    dims : int
        Number of latent dimensions D.
    size : int
        Length of the vector.
    slots : dict
        Key ("latent/scale", "mix") to its slice: D numbers for a latent control, else one.
    addresses : tuple of str
        Slot to concrete address ("/rtrave/latent/3/scale").
    parameters : tuple of Parameter
        Slot to its row of the table.
    index : dict
        Concrete address to slot.
    seed : int
        Default of the noise source's seed.
    """

    dims: int
    size: int
    slots: dict[str, slice]
    addresses: tuple[str, ...]
    parameters: tuple[Parameter, ...] = field(repr=False)
    index: dict[str, int] = field(repr=False)
    seed: int = 0

    def defaults(self) -> Vector:
        """Make a new vector, float64 [size], with every control at its default."""
        values = np.array([p.default for p in self.parameters], dtype=np.float64)
        values[self.slots["seed"]] = self.seed
        return values

    def glides(self) -> npt.NDArray[np.bool_]:
        """Tell which slots hold numbers that can glide from one value to another, bool [size]."""
        return np.array([p.kind == "control" and p.type == "f" for p in self.parameters])

    def kept(self) -> npt.NDArray[np.bool_]:
        """Tell which slots a snapshot holds, bool [size]."""
        return np.array([p.kept for p in self.parameters])

    def diff(self, old: Vector, new: Vector) -> dict[str, float | str]:
        """List what changed between two vectors: concrete address to new value, choices as words.

        Parameters
        ----------
        old, new : float64 [size]
            Finite vectors of this layout.
        """
        changed = np.flatnonzero(np.asarray(old) != np.asarray(new))
        return {self.addresses[k]: self._shown(int(k), float(new[k])) for k in changed}

    def apply(self, values: Vector, changes: Mapping[str, float | str]) -> None:
        """Write changes, as `diff` gives them, into `values` in place; all of them or none.

        Raises
        ------
        RtraveError
            For an unknown address, an unknown word, or a value that is no finite number.
        """
        found = [(self._slot(address), address, value) for address, value in changes.items()]
        plan = [(slot, self._stored(slot, address, value)) for slot, address, value in found]
        for slot, stored in plan:
            values[slot] = stored

    def _slot(self, address: str) -> int:
        slot = self.index.get(address)
        if slot is None:
            raise RtraveError(
                f"no control {address!r} in a model with {self.dims} latent dimensions: "
                "use the model that the changes were made with"
            )
        return slot

    def _shown(self, slot: int, value: float) -> float | str:
        choices = self.parameters[slot].choices
        return choices[int(value)] if choices else value

    def _stored(self, slot: int, address: str, value: float | str) -> float:
        choices = self.parameters[slot].choices
        if choices and value in choices:
            return float(choices.index(str(value)))
        if choices or isinstance(value, str) or not math.isfinite(value):
            wanted = " or ".join(choices) or "a finite number"
            raise RtraveError(f"{address} is {value!r}: expected {wanted}")
        return float(value)


def make_layout(dims: int, seed: int = 0) -> Layout:
    """Lay out the control vector for `dims` latent dimensions (>= 0; an effect has none)."""
    if dims < 0:
        raise RtraveError(f"a model with {dims} latent dimensions: expected 0 or more")
    slots: dict[str, slice] = {}
    addresses: list[str] = []
    parameters: list[Parameter] = []
    for parameter in TABLE:
        if parameter.kind not in ("control", "hidden"):
            continue
        start = len(addresses)
        addresses += concrete(parameter, dims)
        parameters += [resolve(parameter, dims)] * (len(addresses) - start)
        key = parameter.address.removeprefix(ROOT).replace("<n>/", "").replace("/<n>", "")
        slots[key] = slice(start, len(addresses))
    index = {address: slot for slot, address in enumerate(addresses)}
    return Layout(dims, len(addresses), slots, tuple(addresses), tuple(parameters), index, seed)


def carrier(old: Layout, new: Layout) -> Callable[[Vector], Vector]:
    """What takes a vector of one layout to another one, by address.

    Controls that both have keep their values, within the ranges of the new layout; the others are at their defaults.
    Where all dimensions were kept (`dims` at its top), all are kept.
    """
    shared = [address for address in new.addresses if address in old.index]
    here, there = (np.array([layout.index[a] for a in shared], np.intp) for layout in (old, new))
    defaults = new.defaults()
    low, high = (np.array([getattr(p, end) for p in new.parameters]) for end in ("hard_low", "hard_high"))

    def carry(values: Vector) -> Vector:
        carried = defaults.copy()
        carried[there] = values[here]
        if values[old.slots["dims"]][0] >= old.dims:
            carried[new.slots["dims"]] = new.dims
        return np.clip(carried, low, high)

    return carry


def concrete(parameter: Parameter, dims: int) -> list[str]:
    """List the concrete addresses of one row of the table: `dims` of them where it has `<n>`, else one."""
    if "<n>" not in parameter.address:
        return [parameter.address]
    return [parameter.address.replace("<n>", str(n)) for n in range(dims)]
