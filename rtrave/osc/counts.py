"""Counters of the OSC server. They account for every message."""

from __future__ import annotations

import logging
import sys
import traceback
from collections import Counter
from dataclasses import dataclass, field

from rtrave.errors import fault_key

_LOG = logging.getLogger("rtrave.osc")
_LOG.addHandler(logging.NullHandler())


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
    _logged: set[tuple[str, str]] = field(default_factory=set, repr=False)

    def note_fault(self) -> None:
        """Count the exception that is being handled as a fault of the program; log each different fault once."""
        self.faults += 1
        self.last_fault = traceback.format_exc()
        error = sys.exception()
        key = fault_key(error) if error else ("", "")
        if key not in self._logged:
            self._logged.add(key)
            _LOG.error("a fault in the OSC server\n%s", self.last_fault.rstrip())

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
