"""What a surface shows: the controls of a model, the dimensions in banks of sixteen, ranges from the calibration."""

from __future__ import annotations

from dataclasses import dataclass

from rtrave.control.namespace import Controls
from rtrave.control.parameter import ROOT

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


@dataclass(frozen=True)
class Item:
    """One control of a surface.

    Attributes
    ----------
    address : str
    label : str
    kind : str
        "fader", "switch" or "trigger".
    low, high, default : float
    whole : bool
        Whole numbers only.
    """

    address: str
    label: str
    kind: str
    low: float = 0.0
    high: float = 1.0
    default: float = 0.0
    whole: bool = False


def item(controls: Controls, address: str, label: str) -> Item:
    """The control at an address, with the range it has in the compressed space."""
    parameter = controls.parameters[address]
    if not parameter.type or parameter.kind == "action":
        return Item(address, label, "trigger")
    place = controls.place(address)
    low, high = parameter.low, parameter.high
    if place is not None and place.where is not None:
        low, high = (float(ends[0, place.where.start]) for ends in (controls.low, controls.high))
    switch = parameter.type == "i" and (low, high) == (0, 1)
    kind = "switch" if switch else "fader"
    return Item(address, label, kind, round(low, 4), round(high, 4), parameter.default, parameter.type == "i")


def main_items(controls: Controls) -> list[Item]:
    """What is not of a single dimension."""
    names = (*MAIN_FADERS, *MAIN_SWITCHES, *TRIGGERS)
    return [item(controls, ROOT + name, name) for name in names]


def banks(controls: Controls) -> list[tuple[str, list[list[Item]]]]:
    """Name of each bank, and for each of its dimensions the items."""
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
