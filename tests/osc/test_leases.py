"""A lease lasts 10 s from the last packet, and ends by bye; the server grants 64."""

import pytest

from rtrave.errors import ControlError
from rtrave.osc.endpoint import Endpoint
from rtrave.osc.leases import MAX_LEASES, Leases
from rtrave.osc.transport import Address, Peer
from tests.osc.rig import Rig, message


class Nowhere:
    """A transport that reaches nobody."""

    bundles = True
    connected = False

    def send(self, datagram: bytes, address: Address) -> None: ...

    def is_trusted(self, address: Address) -> bool:
        return False


NOWHERE = Nowhere()


def at(host: str, port: int) -> Peer:
    return Peer(NOWHERE, (host, port))


A, B = at("10.0.0.1", 5000), at("10.0.0.1", 5001)


def targets(leases: Leases, now_s: float) -> list[tuple[str, int]]:
    return [lease.target.address for lease in leases.alive(now_s)]


def test_it_expires_after_ten_seconds() -> None:
    leases = Leases()
    leases.hello(A, None, 3, 0.0)
    assert targets(leases, 9.99) == [A.address]
    assert leases.of(A, 10.0) is None and targets(leases, 10.0) == []


def test_any_packet_renews_a_lease_but_not_an_expired_one() -> None:
    leases = Leases()
    leases.hello(A, None, 3, 0.0)
    leases.renew(A, 9.0)
    assert targets(leases, 18.9) == [A.address]
    leases.renew(A, 19.1)
    assert targets(leases, 19.2) == []


def test_hello_again_moves_the_lease() -> None:
    leases = Leases()
    leases.hello(A, None, 3, 0.0)
    leases.hello(A, 7000, 1, 1.0)
    assert targets(leases, 2.0) == [("10.0.0.1", 7000)]
    leases.hello(B, 7000, 2, 3.0)
    (lease,) = leases.alive(4.0)
    assert (lease.source, lease.mask) == (B, 2)


def test_another_port_of_the_host_shares_the_lease_that_named_a_port() -> None:
    leases = Leases()
    leases.hello(A, 7000, 3, 0.0)
    leases.renew(B, 9.0)
    assert targets(leases, 18.0) == [("10.0.0.1", 7000)]
    assert leases.of(at("10.0.0.2", 5000), 1.0) is None
    leases.bye(B, 18.0)
    assert targets(leases, 18.0) == [] and leases.of(A, 18.0) is None


def test_without_a_named_port_the_lease_is_for_its_source_only() -> None:
    leases = Leases()
    leases.hello(A, None, 3, 0.0)
    assert leases.of(B, 1.0) is None


def test_expired_leases_make_room_for_new_ones_beyond_64() -> None:
    leases = Leases()
    for k in range(MAX_LEASES):
        leases.hello(at("10.0.0.1", 5000 + k), None, 3, k / 100)
    with pytest.raises(ControlError) as caught:
        leases.hello(at("10.0.0.2", 1), None, 3, 1.0)
    assert caught.value.code == "busy"
    leases.hello(A, None, 3, 1.0)
    assert len(leases.alive(1.0)) == MAX_LEASES
    leases.hello(at("10.0.0.2", 1), None, 3, 10.015)
    alive = targets(leases, 10.015)
    assert len(alive) == MAX_LEASES and ("10.0.0.2", 1) in alive and ("10.0.0.1", 5001) not in alive


def test_through_the_server(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Endpoint, "is_trusted", lambda endpoint, address: False)  # a peer on another computer
    peer = rig.peer()
    peer.send(message("/rtrave/hello"))
    for _ in range(3):
        rig.clock.now_s += 8.0
        assert peer.ask("/rtrave/mix") == [("/rtrave/mix", 1.0)]
    rig.clock.now_s += 10.0
    assert peer.ask("/rtrave/mix") == []
    peer.send(message("/rtrave/hello"))
    assert peer.ask("/rtrave/mix") == [("/rtrave/mix", 1.0)]
    peer.send(message("/rtrave/bye"))
    assert peer.ask("/rtrave/mix") == []
