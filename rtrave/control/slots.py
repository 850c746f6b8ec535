"""Where each address writes in the control vector, and which addresses show the same value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from rtrave.control.parameter import NORM, ROOT, Parameter
from rtrave.control.vector import Layout


@dataclass(frozen=True)
class Place:
    """Where an address writes: its row of the table, its part of the vector, and whether it counts 0..1.

    A macro has no part of the vector.
    """

    parameter: Parameter
    where: slice | None
    norm: bool = False


@dataclass(frozen=True)
class Written:
    """What a message wrote: parts of the vector, and whether every value is the one that was sent."""

    where: Sequence[slice] = field(default_factory=tuple)
    exact: bool = True


def make_places(parameters: dict[str, Parameter], layout: Layout) -> dict[str, Place]:
    places: dict[str, Place] = {}
    for address, parameter in parameters.items():
        where: slice | None = None
        if parameter.kind == "control" and parameter.type:
            slot = layout.index[address]
            where = slice(slot, slot + 1)
        elif parameter.kind == "vector":
            key = "z/frame" if address == ROOT + "z/in" else address.removeprefix(ROOT + "latents/")
            where = layout.slots[key if key == "z/frame" else "latent/" + key]
        elif parameter.kind != "macro":
            continue
        places[address] = Place(parameter, where)
        if parameter.type == "f":
            places[NORM + address.removeprefix(ROOT)] = Place(parameter, where, norm=True)
    return places


def make_twins(places: dict[str, Place], layout: Layout) -> dict[str, tuple[str, ...]]:
    twins: dict[str, list[str]] = {}
    for address, place in places.items():
        shown = (place.parameter.address,) if place.where is None else layout.addresses[place.where]
        for one in shown:
            if one != address:
                twins.setdefault(one, []).append(address)
    return {address: tuple(others) for address, others in twins.items()}
