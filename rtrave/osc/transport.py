"""The protocol that carries OSC packets between the server and its peers. UDP and web sockets implement it."""

from __future__ import annotations

from typing import NamedTuple, Protocol

Address = tuple[str, int]  # UDP: host and port. Web sockets: a fixed word and the number of the socket.


class Transport(Protocol):
    """A carrier of packets.

    Attributes
    ----------
    bundles : bool
        Feedback may travel to a peer as bundles of several messages. Otherwise each message travels alone. The replies
        to one packet are bundled on every transport.
    connected : bool
        A peer holds a lease from `OscServer.connect` to `OscServer.disconnect`. Otherwise a hello starts the lease, and
        silence ends it.
    """

    @property
    def bundles(self) -> bool: ...

    @property
    def connected(self) -> bool: ...

    def send(self, datagram: bytes, address: Address) -> None:
        """Send one datagram, or drop and count it. Never wait. The OSC server's thread calls this."""

    def is_trusted(self, address: Address) -> bool:
        """Return whether nobody can forge this address, so that replies may be larger than their requests."""


class Peer(NamedTuple):
    """One correspondent: a transport, and an address on it."""

    transport: Transport
    address: Address

    @property
    def host(self) -> tuple[Transport, str]:
        """The computer of the peer, without the port."""
        return self.transport, self.address[0]

    @property
    def trusted(self) -> bool:
        """True if replies may be larger than their requests."""
        return self.transport.is_trusted(self.address)

    def at(self, port: int | None) -> Peer:
        """Return the peer on another port of the same host; itself for None."""
        return self if port is None else Peer(self.transport, (self.address[0], port))

    def send(self, datagram: bytes) -> None:
        """Send one datagram to the peer, without waiting."""
        self.transport.send(datagram, self.address)
