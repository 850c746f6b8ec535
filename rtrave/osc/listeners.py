"""Who is told what: listeners, their subscriptions, and targets by name."""

from __future__ import annotations

import math
import socket
from dataclasses import dataclass, field

from rtrave.control.parameter import Value
from rtrave.errors import RtraveError
from rtrave.osc.transport import Address

NEVER = math.inf


@dataclass(eq=False)
class Subscription:
    """Addresses that one listener hears at one rate; a period of 0 is at once."""

    controls: frozenset[str]
    reads: tuple[str, ...]
    period_s: float
    next_s: float
    pending: dict[str, None] = field(default_factory=dict)
    last: dict[str, tuple[Value, ...]] = field(default_factory=dict)

    @property
    def due_s(self) -> float:
        """When there may be something to send."""
        return self.next_s if self.reads or self.pending else NEVER


@dataclass(eq=False)
class Listener:
    """What one peer is still to be told."""

    mask: int
    pending: dict[str, None] = field(default_factory=dict)
    next_s: float = 0.0
    subscriptions: dict[str, Subscription] = field(default_factory=dict)

    @property
    def due_s(self) -> float:
        """When there may be something to send."""
        own = self.next_s if self.pending else NEVER
        return min([own, *(s.due_s for s in self.subscriptions.values())])


def parse_target(text: str) -> Address:
    """Read `HOST:PORT` and look the host up (IPv4), so that nothing is looked up while playing.

    Raises
    ------
    RtraveError
        One line that says what is wrong with it.
    """
    host, colon, port = text.rpartition(":")
    if not (colon and host and port.isascii() and port.isdigit() and 1 <= int(port) <= 65535):
        raise RtraveError(f"OSC target {text!r}: expected HOST:PORT, such as 127.0.0.1:9001")
    try:
        found = socket.getaddrinfo(host, int(port), socket.AF_INET, socket.SOCK_DGRAM)
    except (OSError, UnicodeError):
        raise RtraveError(f"OSC target {text!r}: no such host: check it or give the IP address") from None
    address = found[0][4]
    return str(address[0]), int(address[1])
