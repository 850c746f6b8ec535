"""Replies: who is answered where, and how much.

A reply goes to the packet's host, at the port that its hello named, else at the port it was sent from. Before
hello no reply to another computer is larger than its request, so that a forged source cannot aim the server at someone;
this computer's own programs, whose address cannot be forged from outside, are answered at once. It all runs on the OSC
server's thread.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from rtrave.control.parameter import Value
from rtrave.errors import ControlError
from rtrave.osc.packets import DATAGRAM_BYTES, encode_message, group, join

Peer = tuple[str, int]

LEASE_S = 10.0
MAX_LEASES = 64
REPLIES_PER_S = 10.0
MAX_LIMITED = 1024


WEB = "ws"  # in place of a host: a web socket, by its number


def is_web(peer: Peer) -> bool:
    """Tell whether a peer is a web socket, which has been let in already."""
    return peer[0] == WEB


def is_loopback(peer: Peer) -> bool:
    """Tell whether a peer is on this computer, or a web socket."""
    return peer[0].startswith("127.") or peer[0] == "localhost" or is_web(peer)


@dataclass
class Lease:
    """One listener: where it sends from, where it is answered, what it hears, and until when."""

    source: Peer
    target: Peer
    mask: int
    expires_s: float


class Leases:
    """The listeners that said hello in the last 10 s; every packet of theirs renews.

    A program that sends each message from a new port (liblo's `oscsend`, Pure Data) is known by its IP
    address: it is taken for the listener of that address that said hello last and named a port.
    """

    def __init__(self) -> None:
        self._by_target: dict[Peer, Lease] = {}
        self._by_source: dict[Peer, Lease] = {}
        self._by_host: dict[str, Lease] = {}

    def hello(self, source: Peer, port: int | None, mask: int, now_s: float) -> None:
        """Grant or renew a lease, answered at `port` of the source's host, else at its own port.

        Raises
        ------
        ControlError
            `busy` where 64 others hold one.
        """
        if is_web(source):
            self._by_source[source].mask = mask
            return
        target = (source[0], port or source[1])
        for old in (self._by_source.get(source), self._by_target.get(target)):
            if old is not None:
                self._drop(old)
        if len(self._by_target) >= MAX_LEASES:
            self.alive(now_s)
        if len(self._by_target) >= MAX_LEASES:
            raise ControlError("busy", f"{MAX_LEASES} listeners have a lease: try again in {LEASE_S:g} s")
        lease = Lease(source, target, mask, now_s + LEASE_S)
        self._by_target[target] = self._by_source[source] = lease
        if port is not None:
            self._by_host[source[0]] = lease

    def hold(self, peer: Peer) -> None:
        """A lease that lasts until `release`: a web socket that is open."""
        self._by_target[peer] = self._by_source[peer] = Lease(peer, peer, 0, math.inf)

    def release(self, peer: Peer) -> None:
        """End the lease of a web socket."""
        lease = self._by_source.get(peer)
        if lease is not None:
            self._drop(lease)

    def of(self, source: Peer, now_s: float) -> Lease | None:
        """Find the lease that a source speaks for, None where it has none or it ran out."""
        lease = self._by_source.get(source) or self._by_host.get(source[0])
        return lease if lease is not None and lease.expires_s > now_s else None

    def own(self, source: Peer) -> Lease | None:
        """Find the lease that was asked for from this very port."""
        return self._by_source.get(source)

    def renew(self, source: Peer, now_s: float) -> None:
        """Renew the lease of a source that has one."""
        lease = self.of(source, now_s)
        if lease is not None and not is_web(source):
            lease.expires_s = now_s + LEASE_S

    def bye(self, source: Peer, now_s: float) -> None:
        """End the lease of a source; no lease is no error."""
        lease = self.of(source, now_s)
        if lease is not None:
            self._drop(lease)

    def alive(self, now_s: float) -> list[Lease]:
        """List the leases in force, and forget the others."""
        for lease in [x for x in self._by_target.values() if x.expires_s <= now_s]:
            self._drop(lease)
        return list(self._by_target.values())

    def _drop(self, lease: Lease) -> None:
        self._by_target.pop(lease.target, None)
        self._by_source.pop(lease.source, None)
        if self._by_host.get(lease.source[0]) is lease:
            del self._by_host[lease.source[0]]


class ReplyLimit:
    """At most 10 reply datagrams per second to one peer, with a reserve of 10; remembers 1,024 peers."""

    def __init__(self) -> None:
        self._peers: dict[Peer, tuple[float, float]] = {}

    def left(self, peer: Peer, now_s: float) -> int:
        """Tell how many datagrams may go to a peer now."""
        tokens, then_s = self._peers.get(peer, (REPLIES_PER_S, now_s))
        return int(min(REPLIES_PER_S, tokens + (now_s - then_s) * REPLIES_PER_S))

    def take(self, peer: Peer, now_s: float) -> bool:
        """Take one datagram from a peer's allowance; False where none is left."""
        tokens, then_s = self._peers.pop(peer, (REPLIES_PER_S, now_s))
        tokens = min(REPLIES_PER_S, tokens + (now_s - then_s) * REPLIES_PER_S)
        granted = tokens >= 1.0
        self._peers[peer] = (tokens - granted, now_s)
        if len(self._peers) > MAX_LIMITED:
            del self._peers[next(iter(self._peers))]
        return granted


@dataclass(eq=False)
class Origin:
    """A packet that came: its source and size in bytes, the replies to it, the bytes already sent back."""

    source: Peer
    size: int
    replies: list[bytes] = field(default_factory=list)
    reply_bytes: int = 0
    sent_bytes: int = 0


class Replies:
    """Collects the replies to each packet, and sends them within the limits.

    Parameters
    ----------
    leases : Leases
    send : callable
        (datagram, peer) -> None; must not wait.

    Attributes
    ----------
    held : int
        Replies that a limit held back.
    """

    def __init__(self, leases: Leases, send: Callable[[bytes, Peer], None]) -> None:
        self.held = 0
        self._leases = leases
        self._limit = ReplyLimit()
        self._send = send

    def room(self, origin: Origin, now_s: float, waiting: int = 1) -> bool:
        """Tell whether one more reply to this packet can go out; if not, count the `waiting` as held back."""
        lease = self._leases.of(origin.source, now_s)
        if lease is None and not is_loopback(origin.source):
            most = origin.size - origin.sent_bytes
        else:
            most = DATAGRAM_BYTES * self._limit.left(lease.target if lease else origin.source, now_s)
        if origin.reply_bytes < most:
            return True
        self.held += waiting
        return False

    def add(self, origin: Origin, address: str, types: str, arguments: Sequence[Value]) -> None:
        """Add one reply; `types` as `packets.encode_message` takes them."""
        reply = encode_message(address, types, arguments)
        origin.replies.append(reply)
        origin.reply_bytes += len(reply)

    def flush(self, origin: Origin, now_s: float) -> None:
        """Send what was added, several replies as one bundle of at most 1,400 bytes."""
        lease = self._leases.of(origin.source, now_s)
        target = lease.target if lease is not None else origin.source
        for messages in group(origin.replies):
            datagram = join(messages)
            known = lease is not None or is_loopback(origin.source)
            fits = known or origin.sent_bytes + len(datagram) <= origin.size
            if fits and self._limit.take(target, now_s):
                self._send(datagram, target)
                origin.sent_bytes += len(datagram)
            else:
                self.held += len(messages)
        origin.replies = []
        origin.reply_bytes = 0
