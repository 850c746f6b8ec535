"""Slots: the part of the control vector that an address writes, and its aliases, which show the same value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from rtrave.control.parameter import NORM, ROOT, Parameter, ParameterKind
from rtrave.control.vector import Layout


@dataclass(frozen=True)
class Slot:
    """The target of an address.

    Parameters
    ----------
    parameter : Parameter
        Its row of the table.
    indices : slice or None
        Its part of the control vector; None for a macro, which has none.
    norm : bool
        The address counts from 0 to 1 over the range.
    """

    parameter: Parameter
    indices: slice | None
    norm: bool = False


@dataclass(frozen=True)
class Written:
    """Effect of a message: the parts of the vector that it set by address, and whether they hold the values sent.

    `exact` allows for the rounding to float32. The sender of an inexact value gets the corrected one. Macros and
    triggers set no part by address.
    """

    parts: Sequence[slice] = field(default_factory=tuple)
    exact: bool = True


def make_slots(parameters: dict[str, Parameter], layout: Layout) -> dict[str, Slot]:
    """Return the slot of each concrete address that has a value, with the normalised aliases."""
    slots: dict[str, Slot] = {}
    for address, parameter in parameters.items():
        indices: slice | None = None
        if parameter.kind is ParameterKind.CONTROL and parameter.type:
            index = layout.index[address]
            indices = slice(index, index + 1)
        elif parameter.kind is ParameterKind.VECTOR:
            key = "z/frame" if address == ROOT + "z/in" else address.removeprefix(ROOT + "latents/")
            indices = layout.slots[key if key == "z/frame" else "latent/" + key]
        elif parameter.kind is not ParameterKind.MACRO:
            continue
        slots[address] = Slot(parameter, indices)
        if parameter.type == "f":
            slots[NORM + address.removeprefix(ROOT)] = Slot(parameter, indices, norm=True)
    return slots


def make_aliases(slots: dict[str, Slot], layout: Layout) -> dict[str, tuple[str, ...]]:
    """Return the other addresses that show the value of each control and macro: normalised and vector forms."""
    aliases: dict[str, list[str]] = {}
    for address, slot in slots.items():
        shown = (slot.parameter.address,) if slot.indices is None else layout.addresses[slot.indices]
        for one in shown:
            if one != address:
                aliases.setdefault(one, []).append(address)
    return {address: tuple(others) for address, others in aliases.items()}
