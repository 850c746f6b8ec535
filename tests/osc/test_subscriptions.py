"""Subscriptions by pattern and rate."""

from collections.abc import Callable, Iterator

import pytest

from tests.osc.rig import Peer, Rig, message
from tests.osc.test_changes import run


class Latents:
    """A reader of latents that change with every call."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self) -> tuple[float, ...]:
        self.calls += 1
        return tuple(self.calls + n / 8 for n in range(4))


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
def test_changing_values_are_sent_at_their_rate(rig: Rig, peer: Peer, latents: Latents, rate: float) -> None:
    peer.send(message("/rtrave/subscribe", "sf", "/rtrave/latent/*/out", rate))
    for _ in range(400):
        run(rig, 0.005)
        peer.send(message("/rtrave/mix", "f", 1.0))  # renews the lease, and gets no answer
    received = peer.received()
    assert len(received) / 4 == pytest.approx(2 * rate, rel=0.2, abs=1.5)
    assert latents.calls <= len(received) / 4 + 1  # one call serves all dimensions


def test_controls_are_sent_once_and_then_when_they_change(rig: Rig, peer: Peer) -> None:
    other = rig.peer()
    peer.send(message("/rtrave/subscribe", "sf", "/rtrave/mi[xy]", 20.0))
    run(rig, 0.5)
    assert peer.received() == [("/rtrave/mix", 1.0)]
    peer.send(message("/rtrave/subscribe", "sf", "/rtrave/latents/bias", 20.0))
    peer.send(message("/rtrave/subscribe", "sf", "/rtrave/norm/latent/2/bias", 20.0))
    run(rig, 0.5)
    peer.received()
    other.send(message("/rtrave/latent/2/bias", "f", 3.0))
    run(rig, 0.5)
    assert set(peer.received()) == {("/rtrave/latents/bias", 0.0, 0.0, 3.0, 0.0), ("/rtrave/norm/latent/2/bias", 1.0)}


def test_constant_values_are_sent_once(rig: Rig, peer: Peer) -> None:
    peer.send(message("/rtrave/subscribe", "s", "/rtrave/version"))
    run(rig, 1.0)
    assert peer.received() == [("/rtrave/version", "0.1")]


def test_unsubscribe_ends_it(rig: Rig, peer: Peer) -> None:
    peer.send(message("/rtrave/subscribe", "s", "/rtrave/latent/0/out"))
    run(rig, 0.2)
    assert peer.received()
    peer.send(message("/rtrave/unsubscribe", "s", "/rtrave/latent/0/out"))
    peer.received()
    run(rig, 0.5)
    assert peer.received() == []


def test_it_ends_with_the_lease(rig: Rig, peer: Peer) -> None:
    peer.send(message("/rtrave/subscribe", "s", "/rtrave/latent/0/out"))
    run(rig, 11.0)
    peer.received()
    run(rig, 1.0)
    assert peer.received() == []


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
    ((address, about, got, *_),) = peer.ask("/rtrave/subscribe", types, *arguments)
    assert (address, about, got) == ("/rtrave/error", "/rtrave/subscribe", code)


def test_a_subscription_needs_a_lease(rig: Rig) -> None:
    ((_, _, code, *_),) = rig.peer().ask("/rtrave/subscribe", "s", "/rtrave/mix")
    assert code == "denied"


def test_their_number_is_limited(rig: Rig, peer: Peer) -> None:
    for n in range(32):
        peer.send(message("/rtrave/subscribe", "s", "/rtrave/mix" + "*" * n))
    ((_, _, code, *_),) = [m for m in peer.ask("/rtrave/subscribe", "s", "/rtrave/m*") if m[0] == "/rtrave/error"]
    assert code == "busy"
