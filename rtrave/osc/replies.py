"""Replies: where they go, and how many a peer gets.

A reply goes to the host of its request: to the port that a hello named, else to the port of the sender. Before a hello,
no reply to another computer is larger than its request, so that nobody can aim the server at a third party by a forged
source. Trusted peers (see `Transport.is_trusted`) get their replies in full at once. The OSC server's thread only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from rtrave.control.parameter import Value
from rtrave.osc.leases import Leases
from rtrave.osc.packets import DATAGRAM_BYTES, encode_message, group, join
from rtrave.osc.transport import Peer

REPLIES_PER_S = 10.0
MAX_LIMITED = 1024


class ReplyLimit:
    """At most 10 reply datagrams per second and peer, with a reserve of 10; covers the last 1,024 peers."""

    def __init__(self) -> None:
        self._peers: dict[Peer, tuple[float, float]] = {}

    def left(self, peer: Peer, now_s: float) -> int:
        """Return how many datagrams a peer may get now."""
        tokens, then_s = self._peers.get(peer, (REPLIES_PER_S, now_s))
        return int(min(REPLIES_PER_S, tokens + (now_s - then_s) * REPLIES_PER_S))

    def take(self, peer: Peer, now_s: float) -> bool:
        """Take one datagram from a peer's allowance; return False where none is left."""
        tokens, then_s = self._peers.pop(peer, (REPLIES_PER_S, now_s))
        tokens = min(REPLIES_PER_S, tokens + (now_s - then_s) * REPLIES_PER_S)
        granted = tokens >= 1.0
        self._peers[peer] = (tokens - granted, now_s)
        if len(self._peers) > MAX_LIMITED:
            del self._peers[next(iter(self._peers))]
        return granted


@dataclass(eq=False)
class Origin:
    """A received packet: its source, its size in bytes, the replies to it, and the bytes sent back so far."""

    source: Peer
    size: int
    replies: list[bytes] = field(default_factory=list)
    reply_bytes: int = 0
    sent_bytes: int = 0


class Replies:
    """The replies to the packets of a burst, sent together and within the limits.

    Parameters
    ----------
    leases : Leases

    Attributes
    ----------
    held : int
        Replies that a limit held back.
    """

    def __init__(self, leases: Leases) -> None:
        self.held = 0
        self._leases = leases
        self._limit = ReplyLimit()
        self._origins: dict[Origin, None] = {}  # in the order of arrival

    def expect(self, origin: Origin) -> None:
        """Include the replies to a packet in the next `flush`."""
        self._origins[origin] = None

    def room(self, origin: Origin, now_s: float, waiting: int = 1) -> bool:
        """Return whether one more reply to a packet may be sent; if not, count `waiting` replies as held."""
        lease = self._leases.of(origin.source, now_s)
        if lease is None and not origin.source.trusted:
            most = origin.size - origin.sent_bytes
        else:
            most = DATAGRAM_BYTES * self._limit.left(lease.target if lease else origin.source, now_s)
        if origin.reply_bytes < most:
            return True
        self.held += waiting
        return False

    def add(self, origin: Origin, address: str, types: str, arguments: Sequence[Value]) -> None:
        """Add one reply; `types` as in `packets.encode_message`."""
        reply = encode_message(address, types, arguments)
        origin.replies.append(reply)
        origin.reply_bytes += len(reply)

    def flush(self, now_s: float) -> None:
        """Send the replies to all expected packets."""
        origins, self._origins = self._origins, {}
        for origin in origins:
            if origin.replies:
                self._send(origin, now_s)

    def _send(self, origin: Origin, now_s: float) -> None:
        """Send several replies as bundles of at most 1,400 bytes."""
        lease = self._leases.of(origin.source, now_s)
        target = lease.target if lease is not None else origin.source
        for messages in group(origin.replies):
            datagram = join(messages)
            known = lease is not None or origin.source.trusted
            fits = known or origin.sent_bytes + len(datagram) <= origin.size
            if fits and self._limit.take(target, now_s):
                target.send(datagram)
                origin.sent_bytes += len(datagram)
            else:
                self.held += len(messages)
        origin.replies = []
        origin.reply_bytes = 0
