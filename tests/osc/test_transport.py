"""The server knows the protocol `Transport` alone: it serves a transport in memory as it serves UDP and web sockets."""

from __future__ import annotations

import pytest

from rtrave.osc.transport import Address, Peer
from tests.osc.rig import Rig, message, read, state
from tests.osc.test_changes import run


class Wire:
    """A transport in memory, whose peers may be connected, trusted and take bundles."""

    def __init__(self, bundles: bool = True, connected: bool = False, trusted: bool = False) -> None:
        self.bundles, self.connected, self._trusted = bundles, connected, trusted
        self.sent: list[tuple[Address, bytes]] = []

    def send(self, datagram: bytes, address: Address) -> None:
        self.sent.append((address, datagram))

    def is_trusted(self, address: Address) -> bool:
        return self._trusted

    def received(self) -> list[tuple[Address, list[tuple]]]:
        """Return what was sent since the last call: addresses, and the messages of each datagram."""
        sent, self.sent = self.sent, []
        return [(address, read(datagram)) for address, datagram in sent]


def send(rig: Rig, peer: Peer, *packets: bytes) -> None:
    for packet in packets:
        rig.server.handle(packet, peer)
    rig.server.finish_burst()


@pytest.mark.parametrize("trusted", [False, True])
def test_a_trusted_peer_is_answered_before_hello(rig: Rig, trusted: bool) -> None:
    wire = Wire(trusted=trusted)
    send(rig, Peer(wire, ("wire", 3)), message("/rtrave/mix"))
    assert wire.received() == ([(("wire", 3), [("/rtrave/mix", 1.0)])] if trusted else [])


@pytest.mark.parametrize("bundles", [False, True])
def test_feedback_is_bundled_where_the_transport_allows_it(rig: Rig, bundles: bool) -> None:
    wire = Wire(bundles=bundles)
    send(rig, Peer(wire, ("wire", 3)), message("/rtrave/hello"))
    run(rig, 0.5)
    largest = max(len(messages) for _, messages in wire.received())
    assert (largest > 1) == bundles


def test_a_connected_peer_has_its_lease_until_it_is_disconnected(rig: Rig) -> None:
    wire = Wire(connected=True)
    peer, other = Peer(wire, ("wire", 3)), rig.peer()
    rig.server.connect(peer)
    rig.server.listen(peer, ["/rtrave/mix"], True)
    run(rig, 60.0, step_s=0.5)
    wire.received()
    other.send(message("/rtrave/mix", "f", 0.5))
    run(rig, 0.1)
    assert wire.received() == [(("wire", 3), [("/rtrave/mix", 0.5)])]
    rig.server.disconnect(peer)
    other.send(message("/rtrave/mix", "f", 0.25))
    run(rig, 0.2)
    assert wire.received() == []


def test_a_connected_peer_can_say_hello_after_bye(rig: Rig) -> None:
    wire = Wire(connected=True)
    peer = Peer(wire, ("wire", 3))
    rig.server.connect(peer)
    send(rig, peer, message("/rtrave/bye"))
    run(rig, 0.2)
    send(rig, peer, message("/rtrave/hello", "ii", 9001, 4))
    run(rig, 0.5)
    received = wire.received()
    assert {address for address, _ in received} == {("wire", 3)}  # not the port that it named
    names = {one[0] for _, messages in received for one in messages}
    assert state(rig.controls) <= names
    assert rig.server.counts.faults == 0


def test_one_address_on_two_transports_is_two_peers(rig: Rig) -> None:
    wires = Wire(), Wire()
    peers = [Peer(wire, ("wire", 3)) for wire in wires]
    for peer in peers:
        send(rig, peer, message("/rtrave/hello", "ii", 3, 4))
    run(rig, 0.5)
    for wire in wires:
        wire.received()
    send(rig, peers[0], message("/rtrave/mix", "f", 0.5))
    run(rig, 0.1)
    assert wires[0].received() == [] and wires[1].received() == [(("wire", 3), [("/rtrave/mix", 0.5)])]
