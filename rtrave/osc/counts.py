"""Counters of the OSC server. They account for every message."""

from __future__ import annotations

import traceback
from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Counts:
    """Counters of the server. Between two bursts, received = accepted + sum of refused + coalesced + queued.

    These five count messages: received, accepted, refused (by code), coalesced (overwritten by a later message of the
    same burst), queued (waiting for their time). A packet that cannot be decoded counts as one message. The others
    count packets, published vectors, and faults of the program itself; `last_fault` is the traceback of the last
    fault, "" without one. The server's thread writes them; any thread may read them.
    """

    received: int = 0
    accepted: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    coalesced: int = 0
    queued: int = 0
    packets: int = 0
    published: int = 0
    faults: int = 0
    last_fault: str = ""

    def note_fault(self) -> None:
        """Count the exception that is being handled as a fault of the program, and keep its traceback."""
        self.faults += 1
        self.last_fault = traceback.format_exc()

    def numbers(self) -> dict[str, int | dict[str, int]]:
        """Return a copy of the counters by name."""
        return {
            "received": self.received,
            "accepted": self.accepted,
            "refused": dict(self.refused),
            "coalesced": self.coalesced,
            "queued": self.queued,
            "packets": self.packets,
            "published": self.published,
            "faults": self.faults,
        }
