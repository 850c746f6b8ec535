"""What the OSC server counts, so that every message is accounted for."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Counts:
    """What the server did. received = accepted + sum of refused + coalesced + queued, between two bursts.

    Messages: received, accepted, refused (by code), coalesced (overwritten by a later one of the same burst),
    queued (waiting for their time). A packet that cannot be decoded counts as one message. Beside them:
    packets, published vectors, and faults of the program itself.
    """

    received: int = 0
    accepted: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    coalesced: int = 0
    queued: int = 0
    packets: int = 0
    published: int = 0
    faults: int = 0
