"""Replies: small before a hello, always limited in number, and sent to the port that the hello named."""

import pytest

from rtrave.osc.endpoint import Endpoint
from tests.osc.rig import Peer, Rig, message


def packet_error() -> bytes:
    return message("/rtrave/nosuch", "f", 1.0)


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """The peers stand for programs on another computer."""
    monkeypatch.setattr(Endpoint, "is_trusted", lambda endpoint, address: False)


@pytest.mark.usefixtures("elsewhere")
@pytest.mark.parametrize(
    "packet",
    [packet_error(), message("/rtrave/mix"), message("/rtrave/latent/*/*"), b"abc\0", b"/rtrave/ping\0\0\0\0"],
)
def test_before_hello_no_reply_is_larger_than_its_request(rig: Rig, packet: bytes) -> None:
    peer = rig.peer()
    peer.send(packet)
    assert sum(map(len, peer.received_datagrams())) <= len(packet)
    assert rig.server.stats()["held"] >= 1


def test_this_computers_programs_are_answered_before_hello(rig: Rig) -> None:
    assert rig.peer().ask("/rtrave/mix") == [("/rtrave/mix", 1.0)]
    ((address, *about),) = rig.peer().ask("/rtrave/nosuch", "f", 1.0)
    assert address == "/rtrave/error" and about[:2] == ["/rtrave/nosuch", "unknown-address"]
    assert rig.server.stats()["held"] == 0


@pytest.mark.usefixtures("elsewhere")
def test_before_hello_a_reply_that_fits_is_sent(rig: Rig) -> None:
    assert rig.peer().ask("/rtrave/sync", "i", 5) == [("/rtrave/synced", 5)]
    assert rig.peer().ask("/rtrave/ping") == [("/rtrave/pong",)]
    assert rig.server.stats()["held"] == 0


def test_hello_and_a_question_may_share_a_burst(rig: Rig) -> None:
    peer = rig.peer()
    peer.send(message("/rtrave/hello"), message("/rtrave/mix"))
    assert peer.received() == [("/rtrave/mix", 1.0)]


def test_ten_per_second_are_sent_and_the_rest_counted(rig: Rig, peer: Peer) -> None:
    peer.send(*[message("/rtrave/mix")] * 25)
    assert len(peer.received_datagrams()) == 10
    assert rig.server.stats()["held"] == 15
    rig.clock.now_s += 0.35
    peer.send(*[packet_error()] * 25)
    assert len(peer.received_datagrams()) == 3
    assert rig.server.stats()["held"] == 37


def test_one_peer_does_not_use_up_the_others(rig: Rig, peer: Peer) -> None:
    other = rig.peer()
    other.send(message("/rtrave/hello"))
    peer.send(*[message("/rtrave/mix")] * 25)
    assert other.ask("/rtrave/mix") == [("/rtrave/mix", 1.0)]


def test_parameter_messages_are_not_limited(rig: Rig, peer: Peer) -> None:
    for k in range(500):
        peer.send(message("/rtrave/mix", "f", k / 500))
    assert rig.server.counts.accepted == 501


def test_many_answers_travel_in_few_datagrams(rig: Rig, peer: Peer) -> None:
    peer.send(message("/rtrave/latent/*/*"))
    datagrams = peer.received_datagrams()
    assert len(datagrams) == 1 and all(len(d) <= 1400 for d in datagrams)


@pytest.mark.usefixtures("elsewhere")
def test_a_question_to_all_before_hello_is_counted_by_its_answers(rig: Rig) -> None:
    rig.peer().send(message("/rtrave/latent/*/{scale,bias}"))
    assert rig.server.stats()["held"] == 8


def test_answers_go_to_the_port_of_hello(rig: Rig) -> None:
    surface, listener = rig.peer(), rig.peer()
    surface.send(message("/rtrave/hello", "i", listener.name[1]))
    assert surface.ask("/rtrave/mix") == [] and listener.received() == [("/rtrave/mix", 1.0)]


def test_a_sender_of_changing_ports_is_answered_at_its_named_port(rig: Rig) -> None:
    listener = rig.peer()
    rig.peer().send(message("/rtrave/hello", "i", listener.name[1]))
    rig.peer().send(message("/rtrave/nosuch", "f", 1.0))
    (reply,) = listener.received()
    assert reply[:3] == ("/rtrave/error", "/rtrave/nosuch", "unknown-address")


def test_an_error_names_the_argument_and_is_one_short_line(rig: Rig, peer: Peer) -> None:
    received = peer.ask("/rtrave/latents/bias", "ffsf", 0.0, 0.0, "x" * 500, 0.0)
    ((kind, address, code, argument, text),) = received
    assert (kind, address, code, argument) == ("/rtrave/error", "/rtrave/latents/bias", "bad-type", 2)
    assert "\n" not in text and len(text) <= 200


def test_errors_go_to_the_sender_only(rig: Rig, peer: Peer) -> None:
    other = rig.peer()
    other.send(message("/rtrave/hello"))
    peer.send(packet_error())
    assert len(peer.received()) == 1 and other.received() == []
