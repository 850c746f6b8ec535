"""The control vector: all controls in one float64 array. Its layout derives from the table.

The control process writes the vector, and the engine reads it once per hop.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from rtrave.control.parameter import ROOT, Parameter, ParameterKind, resolve
from rtrave.control.table import TABLE
from rtrave.errors import RtraveError

Vector = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
IN_VECTOR = (ParameterKind.CONTROL, ParameterKind.HIDDEN)


@dataclass(frozen=True, eq=False)
class Layout:
    """The order of the controls in the vector of a model with `dims` latent dimensions.

    Parameters
    ----------
    dims : int
        Number of latent dimensions D.
    size : int
        Length of the vector.
    slots : dict
        Key ("latent/scale", "mix") to its slice: D numbers for a latent control, else one.
    addresses : tuple of str
        Index to concrete address ("/rtrave/latent/3/scale").
    parameters : tuple of Parameter
        Index to its row of the table.
    index : dict
        Concrete address to index.
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
        """Return a new vector, float64 [size], with every control at its default."""
        values = np.array([p.default for p in self.parameters], dtype=np.float64)
        values[self.slots["seed"]] = self.seed
        return values

    def glides(self) -> Mask:
        """Return which numbers can glide from one value to another, bool [size]."""
        return np.array([p.kind is ParameterKind.CONTROL and p.type == "f" for p in self.parameters])

    def persisted(self) -> Mask:
        """Return which numbers snapshots and the saved state hold, bool [size]."""
        return np.array([p.persisted for p in self.parameters])

    def diff(self, old: Vector, new: Vector) -> dict[str, float | str]:
        """Return the changes between two vectors: concrete address to new value, choices as words.

        Parameters
        ----------
        old, new : float64 [size]
            Finite vectors of this layout.
        """
        changed = np.flatnonzero(np.asarray(old) != np.asarray(new))
        return {self.addresses[k]: self._shown(int(k), float(new[k])) for k in changed}

    def apply(self, values: Vector, changes: Mapping[str, float | str]) -> None:
        """Write changes, in the form of `diff`, into `values` in place; all of them or none.

        Raises
        ------
        RtraveError
            For an unknown address, an unknown word, or a value that is not a finite number.
        """
        found = [(self._index_of(address), address, value) for address, value in changes.items()]
        plan = [(index, self._stored(index, address, value)) for index, address, value in found]
        for index, stored in plan:
            values[index] = stored

    def _index_of(self, address: str) -> int:
        index = self.index.get(address)
        if index is None:
            raise RtraveError(
                f"{address}: expected a control of a model with {self.dims} latent dimensions: "
                "use the model that the changes were made with"
            )
        return index

    def _shown(self, index: int, value: float) -> float | str:
        choices = self.parameters[index].choices
        return choices[int(value)] if choices else value

    def _stored(self, index: int, address: str, value: float | str) -> float:
        choices = self.parameters[index].choices
        if choices and value in choices:
            return float(choices.index(str(value)))
        if choices or isinstance(value, str) or not math.isfinite(value):
            expected = " or ".join(choices) or "a finite number"
            raise RtraveError(f"{address}: expected {expected}, got {value!r}")
        return float(value)


def make_layout(dims: int, seed: int = 0) -> Layout:
    """Return the layout for `dims` latent dimensions (>= 0; an effect has none)."""
    if dims < 0:
        raise RtraveError(f"latent dimensions: expected 0 or more, got {dims}")
    slots: dict[str, slice] = {}
    addresses: list[str] = []
    parameters: list[Parameter] = []
    for parameter in TABLE:
        if parameter.kind not in IN_VECTOR:
            continue
        start = len(addresses)
        addresses += concrete(parameter, dims)
        parameters += [resolve(parameter, dims)] * (len(addresses) - start)
        key = parameter.address.removeprefix(ROOT).replace("<n>/", "").replace("/<n>", "")
        slots[key] = slice(start, len(addresses))
    index = {address: k for k, address in enumerate(addresses)}
    return Layout(dims, len(addresses), slots, tuple(addresses), tuple(parameters), index, seed)


def carrier(old: Layout, new: Layout) -> Callable[[Vector], Vector]:
    """Return a function that converts a vector of one layout to another layout, by address.

    Controls that both layouts have keep their values, within the ranges of the new one; the others get their defaults.
    Where the old vector uses all dimensions (`dims` at its maximum), the new one does.
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
    """Return the concrete addresses of one row of the table: `dims` of them for `<n>`, else one."""
    if "<n>" not in parameter.address:
        return [parameter.address]
    return [parameter.address.replace("<n>", str(n)) for n in range(dims)]
