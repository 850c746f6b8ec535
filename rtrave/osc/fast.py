"""The bulk of what comes in a performance, messages of one float to one control, known by their bytes."""

from __future__ import annotations

from rtrave.control.namespace import Controls
from rtrave.osc.packets import encode_message


def single_floats(controls: Controls) -> dict[bytes, tuple[int, float, float, str]]:
    """Every message of one float to one control, without its number, to slot, hard limits and address."""
    fast = {}
    for slot, (address, p) in enumerate(zip(controls.layout.addresses, controls.layout.parameters, strict=True)):
        if p.kind == "control" and p.type == "f" and address in controls.parameters:
            fast[encode_message(address, "f", (0.0,))[:-4]] = slot, p.hard_low, p.hard_high, address
    return fast
