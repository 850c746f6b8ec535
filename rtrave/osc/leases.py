"""Leases: the listeners that the server sends feedback to, and until when. The OSC server's thread only."""

from __future__ import annotations

import math
from dataclasses import dataclass

from rtrave.errors import ControlError
from rtrave.osc.transport import Peer, Transport

LEASE_S = 10.0
MAX_LEASES = 64


@dataclass
class Lease:
    """One listener: the peer that asked, the peer that receives replies and feedback, its mask, and its end."""

    source: Peer
    target: Peer
    mask: int
    expires_s: float


class Leases:
    """The listeners that said hello in the last 10 s. Every packet from a listener renews its lease.

    Some programs send each message from a new port (liblo's `oscsend`, Pure Data). The server takes such a source for
    the listener on the same host that named a reply port last.
    """

    def __init__(self) -> None:
        self._by_target: dict[Peer, Lease] = {}
        self._by_source: dict[Peer, Lease] = {}
        self._by_host: dict[tuple[Transport, str], Lease] = {}

    def __len__(self) -> int:
        return len(self._by_target)

    def hello(self, source: Peer, port: int | None, mask: int, now_s: float) -> None:
        """Grant or renew a lease; replies go to `port` of the source's host, else to the source's own port.

        Raises
        ------
        ControlError
            `busy` where 64 other listeners hold a lease.
        """
        if source.transport.connected:
            self.hold(source, mask)
            return
        target = source.at(port)
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
            self._by_host[source.host] = lease

    def hold(self, peer: Peer, mask: int = 0) -> None:
        """Grant a lease without an end to a connected peer."""
        self._by_target[peer] = self._by_source[peer] = Lease(peer, peer, mask, math.inf)

    def release(self, peer: Peer) -> None:
        """End the lease of a connected peer."""
        lease = self._by_source.get(peer)
        if lease is not None:
            self._drop(lease)

    def of(self, source: Peer, now_s: float) -> Lease | None:
        """Return the valid lease that covers a source, its own or its host's; None without one."""
        lease = self._by_source.get(source)
        if lease is None and self._by_host:  # asked for every packet: most servers have no such lease
            lease = self._by_host.get(source.host)
        return lease if lease is not None and lease.expires_s > now_s else None

    def target(self, source: Peer) -> Peer:
        """Return the peer that receives feedback for a source: the target of its own lease, else the source."""
        lease = self._by_source.get(source)
        return source if lease is None else lease.target

    def renew(self, source: Peer, now_s: float) -> None:
        """Renew the lease of a source that has one."""
        lease = self.of(source, now_s)
        if lease is not None and not source.transport.connected:
            lease.expires_s = now_s + LEASE_S

    def bye(self, source: Peer, now_s: float) -> None:
        """End the lease of a source; do nothing without one."""
        lease = self.of(source, now_s)
        if lease is not None:
            self._drop(lease)

    def alive(self, now_s: float) -> list[Lease]:
        """Return the valid leases, and discard the expired ones."""
        for lease in [x for x in self._by_target.values() if x.expires_s <= now_s]:
            self._drop(lease)
        return list(self._by_target.values())

    def _drop(self, lease: Lease) -> None:
        self._by_target.pop(lease.target, None)
        self._by_source.pop(lease.source, None)
        if self._by_host.get(lease.source.host) is lease:
            del self._by_host[lease.source.host]
