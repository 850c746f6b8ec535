"""Subscriptions by pattern and rate."""

from collections.abc import Callable, Iterator

import pytest

from tests.osc.rig import Peer, Rig, message
from tests.osc.test_changes import run


class Latents:
    """Latents that change with every look."""

    def __init__(self) -> None:
        self.looks = 0

    def __call__(self) -> tuple[float, ...]:
        self.looks += 1
        return tuple(self.looks + n / 8 for n in range(4))


@pytest.fixture
def latents() -> Latents:
    return Latents()


@pytest.fixture
def rig(make_rig: Callable[..., Rig], latents: Latents) -> Iterator[Rig]:
    readers = {"/rtrave/latent/<n>/out": latents, "/rtrave/version": lambda: ("0.1",)}
    yield make_rig(readers=readers)


@pytest.fixture
def peer(rig: Rig) -> Peer:
    peer = rig.peer()
    peer.send(message("/rtrave/hello", "ii", peer.name[1], 0))
    return peer


@pytest.mark.parametrize("rate", [1.0, 10.0, 60.0])
def test_moving_values_come_at_their_rate(rig: Rig, peer: Peer, latents: Latents, rate: float) -> None:
    peer.send(message("/rtrave/subscribe", "sf", "/rtrave/latent/*/out", rate))
    for _ in range(400):
        run(rig, 0.005)
        peer.send(message("/rtrave/mix", "f", 1.0))  # renews the lease, and gets no answer
    heard = peer.heard()
    assert len(heard) / 4 == pytest.approx(2 * rate, rel=0.2, abs=1.5)
    assert latents.looks <= len(heard) / 4 + 1  # one look serves all dimensions


def test_controls_come_once_and_then_when_they_change(rig: Rig, peer: Peer) -> None:
    other = rig.peer()
    peer.send(message("/rtrave/subscribe", "sf", "/rtrave/mi[xy]", 20.0))
    run(rig, 0.5)
    assert peer.heard() == [("/rtrave/mix", 1.0)]
    peer.send(message("/rtrave/subscribe", "sf", "/rtrave/latents/bias", 20.0))
    peer.send(message("/rtrave/subscribe", "sf", "/rtrave/norm/latent/2/bias", 20.0))
    run(rig, 0.5)
    peer.heard()
    other.send(message("/rtrave/latent/2/bias", "f", 3.0))
    run(rig, 0.5)
    assert set(peer.heard()) == {("/rtrave/latents/bias", 0.0, 0.0, 3.0, 0.0), ("/rtrave/norm/latent/2/bias", 1.0)}


def test_values_that_stand_still_come_once(rig: Rig, peer: Peer) -> None:
    peer.send(message("/rtrave/subscribe", "s", "/rtrave/version"))
    run(rig, 1.0)
    assert peer.heard() == [("/rtrave/version", "0.1")]


def test_the_end(rig: Rig, peer: Peer) -> None:
    peer.send(message("/rtrave/subscribe", "s", "/rtrave/latent/0/out"))
    run(rig, 0.2)
    assert peer.heard()
    peer.send(message("/rtrave/unsubscribe", "s", "/rtrave/latent/0/out"))
    peer.heard()
    run(rig, 0.5)
    assert peer.heard() == []


def test_it_ends_with_the_lease(rig: Rig, peer: Peer) -> None:
    peer.send(message("/rtrave/subscribe", "s", "/rtrave/latent/0/out"))
    run(rig, 11.0)
    peer.heard()
    run(rig, 1.0)
    assert peer.heard() == []


@pytest.mark.parametrize(
    ("types", "arguments", "code"),
    [
        ("sf", ("/rtrave/mix", 61.0), "out-of-range"),
        ("sf", ("/rtrave/mix", 0.0), "out-of-range"),
        ("sf", ("/rtrave/mix", -1.0), "out-of-range"),
        ("s", ("/rtrave/nosuch",), "unknown-address"),
        ("s", ("/rtrave/[",), "bad-name"),
        ("s", ("",), "bad-name"),
        ("s", ("rtrave",), "bad-name"),
        ("s", ("/rtrave/panic",), "denied"),
        ("s", ("/rtrave/meter",), "denied"),
        ("i", (3,), "bad-type"),
        ("", (), "bad-count"),
    ],
)
def test_refused(peer: Peer, types: str, arguments: tuple, code: str) -> None:
    ((address, about, told, *_),) = peer.ask("/rtrave/subscribe", types, *arguments)
    assert (address, about, told) == ("/rtrave/error", "/rtrave/subscribe", code)


def test_without_a_lease_there_is_none(rig: Rig) -> None:
    ((_, _, code, *_),) = rig.peer().ask("/rtrave/subscribe", "s", "/rtrave/mix")
    assert code == "denied"


def test_there_is_an_end_to_their_number(rig: Rig, peer: Peer) -> None:
    for n in range(32):
        peer.send(message("/rtrave/subscribe", "s", "/rtrave/mix" + "*" * n))
    ((_, _, code, *_),) = [m for m in peer.ask("/rtrave/subscribe", "s", "/rtrave/m*") if m[0] == "/rtrave/error"]
    assert code == "busy"
