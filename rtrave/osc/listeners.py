"""Records of feedback: listeners, their subscriptions, and targets by name."""

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
    """Addresses that one listener gets at one rate; a period of 0 means at once.

    Attributes
    ----------
    controls : frozenset of str
        Controls, which are sent when they change.
    reads : tuple of str
        Values of the program, which are polled.
    period_s, next_s : float
        Least time between two rounds, and monotonic time of the next one.
    pending : dict
        Controls to send, in order.
    last : dict
        Values of `reads` that were sent last.
    """

    controls: frozenset[str]
    reads: tuple[str, ...]
    period_s: float
    next_s: float
    pending: dict[str, None] = field(default_factory=dict)
    last: dict[str, tuple[Value, ...]] = field(default_factory=dict)

    @property
    def due_s(self) -> float:
        """Monotonic time when there may be something to send."""
        return self.next_s if self.reads or self.pending else NEVER


@dataclass(eq=False)
class Listener:
    """The feedback of one peer: its mask, the addresses to send, and the time of the next bundle."""

    mask: int
    pending: dict[str, None] = field(default_factory=dict)
    next_s: float = 0.0
    subscriptions: dict[str, Subscription] = field(default_factory=dict)

    @property
    def due_s(self) -> float:
        """Monotonic time when there may be something to send."""
        own = self.next_s if self.pending else NEVER
        return min([own, *(s.due_s for s in self.subscriptions.values())])


def parse_target(text: str) -> Address:
    """Parse `HOST:PORT` and look the host up (IPv4), so that nothing is looked up while playing.

    Raises
    ------
    RtraveError
        For another form, or an unknown host.
    """
    host, colon, port = text.rpartition(":")
    if not (colon and host and port.isascii() and port.isdigit() and 1 <= int(port) <= 65535):
        raise RtraveError(f"--osc-send: expected HOST:PORT, such as 127.0.0.1:9001, got {text!r}")
    try:
        found = socket.getaddrinfo(host, int(port), socket.AF_INET, socket.SOCK_DGRAM)
    except (OSError, UnicodeError):
        raise RtraveError(
            f"--osc-send: expected a known host, got {text!r}: check the name or give the IP address"
        ) from None
    address = found[0][4]
    return str(address[0]), int(address[1])
