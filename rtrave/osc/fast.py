"""The fast path: messages of one float to one control, recognised by their bytes and never decoded.

They are the bulk of what a performance sends.
"""

from __future__ import annotations

import struct

from rtrave.control.namespace import Controls
from rtrave.control.parameter import ParameterKind
from rtrave.osc.burst import Burst
from rtrave.osc.packets import encode_message
from rtrave.osc.transport import Peer

FLOAT = struct.Struct(">f")


class FastFloats:
    """The fast path for single controls, from undecoded packets. The OSC server's thread only.

    Parameters
    ----------
    controls : Controls
    burst : Burst
        Accounts for each message.
    """

    def __init__(self, controls: Controls, burst: Burst) -> None:
        self._controls, self._burst = controls, burst
        self.adopt_controls()

    def adopt_controls(self) -> None:
        """Recognise the addresses that the controls have from here on."""
        layout = self._controls.layout
        self._known: dict[bytes, tuple[int, float, float, str]] = {}  # a message without its number
        for index, (address, p) in enumerate(zip(layout.addresses, layout.parameters, strict=True)):
            if p.kind is ParameterKind.CONTROL and p.type == "f" and address in self._controls.parameters:
                head = encode_message(address, "f", (0.0,))[:-4]
                self._known[head] = index, p.hard_low, p.hard_high, address

    def set(self, data: bytes, source: Peer) -> bool:
        """Do a packet that is one float within the hard limits of one control; return False for any other packet."""
        known = self._known.get(data[:-4])
        if known is None:
            return False
        index, low, high, address = known
        (value,) = FLOAT.unpack_from(data, len(data) - 4)
        if not low <= value <= high:
            return False
        self._controls.values[index] = value
        self._burst.note_float(address, source)
        return True
