"""The contents of a surface: the controls of a model, its dimensions in banks of 16, ranges from the calibration."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from rtrave.control.namespace import Controls
from rtrave.control.parameter import ROOT, ParameterKind

BANK = 16
FADERS = ("bias", "scale", "noise", "smooth")  # of each dimension
SWITCHES = ("mute", "hold")
MAIN_FADERS = (
    "mix",
    "in/gain",
    "out/gain",
    "out/width",
    "temperature",
    "noise",
    "fill",
    "dims",
    "morph/pos",
    "source/mix",
    "trajectory/amount",
    "trajectory/speed",
    "z/mix",
)
MAIN_SWITCHES = ("bypass", "freeze", "silence", "trajectory/record", "trajectory/play", "trajectory/loop")
TRIGGERS = ("panic", "latents/reset")


class ItemKind(StrEnum):
    """Kind of the widget that shows an item."""

    FADER = "fader"
    SWITCH = "switch"
    TRIGGER = "trigger"


@dataclass(frozen=True)
class Item:
    """One control of a surface.

    Attributes
    ----------
    address : str
    label : str
    kind : ItemKind
    low, high, default : float
    whole : bool
        The control takes integers only.
    """

    address: str
    label: str
    kind: ItemKind
    low: float = 0.0
    high: float = 1.0
    default: float = 0.0
    whole: bool = False


def item(controls: Controls, address: str, label: str) -> Item:
    """Return the item of an address, with its range in the compressed space."""
    parameter = controls.parameters[address]
    if not parameter.type or parameter.kind is ParameterKind.ACTION:
        return Item(address, label, ItemKind.TRIGGER)
    slot = controls.slot(address)
    low, high = parameter.low, parameter.high
    if slot is not None and slot.indices is not None:
        low, high = (float(ends[0, slot.indices.start]) for ends in (controls.low, controls.high))
    switch = parameter.type == "i" and (low, high) == (0, 1)
    kind = ItemKind.SWITCH if switch else ItemKind.FADER
    return Item(address, label, kind, round(low, 4), round(high, 4), parameter.default, parameter.type == "i")


def main_items(controls: Controls) -> list[Item]:
    """Return the items that do not belong to a single dimension."""
    names = (*MAIN_FADERS, *MAIN_SWITCHES, *TRIGGERS)
    return [item(controls, ROOT + name, name) for name in names]


def banks(controls: Controls) -> list[tuple[str, list[list[Item]]]]:
    """Return the name of each bank, and the items of each of its dimensions."""
    dims = controls.layout.dims
    found = []
    for first in range(0, dims, BANK):
        last = min(first + BANK, dims)
        columns = [
            [item(controls, f"{ROOT}latent/{n}/{name}", f"{name} {n}") for name in (*FADERS, *SWITCHES)]
            for n in range(first, last)
        ]
        found.append((f"latents {first}-{last - 1}", columns))
    return found
