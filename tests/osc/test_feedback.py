"""Status and meter go out 10 times a second, to permanent targets and leases, by the mask, and never wait."""

from collections.abc import Callable

import pytest

from rtrave.errors import RtraveError
from rtrave.osc.listeners import parse_target
from tests.osc.rig import Peer, Rig, message

STATUS, METER = ("/rtrave/status", 2, 0.5, 92.5, 60), ("/rtrave/meter", -6.0, -12.0, -3.0, -120.0)
READERS = {"/rtrave/status": lambda: STATUS[1:], "/rtrave/meter": lambda: METER[1:]}


@pytest.fixture
def rig(make_rig: Callable[..., Rig]) -> Rig:
    return make_rig(readers=READERS)


def run(rig: Rig, seconds: float, step_s: float = 0.01) -> None:
    for _ in range(round(seconds / step_s)):
        rig.clock.now_s += step_s
        rig.server.tick()


def test_rate_and_content(rig: Rig) -> None:
    peer = rig.peer()
    peer.send(message("/rtrave/hello", "ii", peer.name[1], 3))
    run(rig, 2.0)
    datagrams = peer.received_datagrams()
    assert 20 <= len(datagrams) <= 21
    assert all(len(d) <= 1400 for d in datagrams)
    run(rig, 0.1)
    assert peer.received() == [STATUS, METER]


def test_it_stops_when_the_lease_ends(rig: Rig) -> None:
    peer = rig.peer()
    peer.send(message("/rtrave/hello", "ii", peer.name[1], 3))
    run(rig, 15.0)
    assert 98 <= len(peer.received_datagrams()) <= 101
    run(rig, 1.0)
    assert peer.received() == []


@pytest.mark.parametrize(("mask", "expected"), [(0, []), (1, [STATUS]), (2, [METER]), (3, [STATUS, METER])])
def test_mask(rig: Rig, mask: int, expected: list[tuple]) -> None:
    surface, listener = rig.peer(), rig.peer()
    surface.send(message("/rtrave/hello", "ii", listener.name[1], mask))
    run(rig, 0.1)
    assert listener.received() == expected and surface.received() == []


def test_permanent_targets_need_no_hello(make_rig: Callable[..., Rig], rig: Rig) -> None:
    listener: Peer = rig.peer()
    server = make_rig(readers=READERS, targets=[parse_target(f"localhost:{listener.name[1]}")])
    run(server, 60.0, step_s=0.1)
    assert listener.received()[-2:] == [STATUS, METER]


def test_a_missed_round_is_skipped(rig: Rig) -> None:
    peer = rig.peer()
    peer.send(message("/rtrave/hello", "ii", peer.name[1], 3))
    rig.server.tick()
    rig.clock.now_s += 3.0
    for _ in range(5):
        rig.server.tick()
    assert len(peer.received_datagrams()) == 2


def test_unsent_datagrams_are_counted(make_rig: Callable[..., Rig]) -> None:
    rig = make_rig(readers=READERS, targets=[("255.255.255.255", 9)])  # broadcasting is not allowed
    run(rig, 0.5)
    assert rig.server.stats()["unsent"] >= 5 and rig.server.counts.faults == 0


@pytest.mark.parametrize(
    "text",
    [
        "",
        "9001",
        ":9001",
        "localhost",
        "localhost:",
        "localhost:0",
        "localhost:65536",
        "localhost:-1",
        "localhost:x",
        "localhost:９",
        "no such host:9001",
        "a" * 300 + ":9001",
    ],
)
def test_bad_targets_are_refused_in_one_line(text: str) -> None:
    with pytest.raises(RtraveError) as caught:
        parse_target(text)
    assert "\n" not in str(caught.value)


def test_targets_are_looked_up() -> None:
    assert parse_target("localhost:9001") == ("127.0.0.1", 9001)
