"""A change goes to every listener but the one who made it, with the latest value only; a hello gets the whole state."""

from collections.abc import Callable

import pytest

from tests.osc.rig import Peer, Rig, bundle, message, read, state


def run(rig: Rig, seconds: float, step_s: float = 0.005) -> None:
    for _ in range(round(seconds / step_s)):
        rig.clock.now_s += step_s
        rig.server.finish_burst()
        rig.server.tick()


def listener_of(rig: Rig, mask: int = 4) -> Peer:
    """Return a peer that has received the whole state already."""
    peer = rig.peer()
    peer.send(message("/rtrave/hello", "ii", peer.name[1], mask))
    run(rig, 0.5)
    peer.received()
    return peer


def test_others_get_a_change_and_its_sender_does_not(rig: Rig) -> None:
    mover, other = listener_of(rig), listener_of(rig)
    mover.send(message("/rtrave/mix", "f", 0.5))
    run(rig, 0.1)
    assert other.received() == [("/rtrave/mix", 0.5)] and mover.received() == []


@pytest.mark.parametrize(
    ("types", "sent", "stored"), [("f", 12.0, 10.0), ("f", -99.0, -10.0), ("s", "2.5", 2.5), ("d", 1e9, 10.0)]
)
def test_the_sender_gets_a_corrected_value(rig: Rig, types: str, sent: object, stored: float) -> None:
    mover = listener_of(rig)
    for _ in range(2):  # the second time nothing changes, but the value is not the one sent
        mover.send(message("/rtrave/latent/0/bias", types, sent))
        run(rig, 0.1)
        assert mover.received() == [("/rtrave/latent/0/bias", stored)]


def test_the_latest_value_wins(rig: Rig) -> None:
    mover, other = listener_of(rig), listener_of(rig)
    for k in range(100):
        mover.send(message("/rtrave/mix", "f", k / 128))
    run(rig, 0.1)
    assert other.received() == [("/rtrave/mix", 99 / 128)]


def test_no_more_than_sixty_bundles_a_second(rig: Rig) -> None:
    mover, other = listener_of(rig), listener_of(rig)
    for k in range(400):
        mover.send(message("/rtrave/mix", "f", (k % 100) / 128))
        run(rig, 0.005)
    assert 80 <= len(other.received_datagrams()) <= 122


def test_two_senders_of_one_control_agree_in_the_end(rig: Rig) -> None:
    one, two = listener_of(rig), listener_of(rig)
    rig.server.handle(message("/rtrave/mix", "f", 0.25), one.source)
    rig.server.handle(message("/rtrave/mix", "f", 0.5), two.source)
    rig.server.finish_burst()
    run(rig, 0.1)
    assert one.received() == [("/rtrave/mix", 0.5)] and two.received() == []


def test_every_change_by_a_trigger_or_a_pattern_is_sent(rig: Rig) -> None:
    mover, other = listener_of(rig), listener_of(rig)
    mover.send(message("/rtrave/latent/[12]/mute", "i", 1), message("/rtrave/latents/bias", "f", 1.0))
    run(rig, 0.1)
    received = set(other.received())
    assert received == {(f"/rtrave/latent/{n}/mute", 1) for n in (1, 2)} | {
        (f"/rtrave/latent/{n}/bias", 1.0) for n in range(4)
    }
    assert mover.received() == []
    mover.send(message("/rtrave/panic"))
    run(rig, 0.1)
    assert len(set(mover.received())) == 6  # it sent none of these values


def test_a_recalled_snapshot_and_fidelity_are_sent(make_rig: Callable[..., Rig]) -> None:
    rig = make_rig(shares=(0.5, 0.8, 0.95, 1.0))
    peer = listener_of(rig)
    peer.send(message("/rtrave/snapshot/store", "s", "a"), message("/rtrave/dims", "i", 2))
    run(rig, 0.1)
    assert peer.received() == [("/rtrave/fidelity", pytest.approx(0.8))]
    peer.send(message("/rtrave/snapshot/recall", "s", "a"))
    run(rig, 0.1)
    assert set(peer.received()) == {("/rtrave/dims", 4), ("/rtrave/fidelity", 1.0)}


def test_hello_brings_the_whole_state_in_paced_bundles(make_rig: Callable[..., Rig]) -> None:
    rig = make_rig(dims=128)
    peer = rig.peer()
    peer.socket.setsockopt(1, 8, 1 << 20)  # SO_RCVBUF
    peer.send(message("/rtrave/hello"))
    datagrams, rounds = [], 0
    while True:
        rig.clock.now_s += 0.01
        rig.server.tick()
        arrived = peer.received_datagrams()
        if not arrived:
            break
        rounds += 1
        assert len(arrived) <= 5
        datagrams += arrived
    assert all(len(d) <= 1400 for d in datagrams)
    assert rounds * 0.01 <= 0.3
    received = dict(one[:2] for d in datagrams for one in read(d))
    expected = state(rig.controls)
    assert expected <= received.keys() and received["/rtrave/latent/127/scale"] == 1.0


def test_a_mask_without_controls_gets_no_change(rig: Rig) -> None:
    mover, other = listener_of(rig), listener_of(rig, mask=3)
    mover.send(message("/rtrave/mix", "f", 0.5))
    run(rig, 0.1)
    assert other.received() == []


def test_permanent_targets_get_the_state_and_every_change(make_rig: Callable[..., Rig], rig: Rig) -> None:
    listener = rig.peer()
    sending = make_rig(targets=[listener.name])
    run(sending, 0.3)
    assert ("/rtrave/mix", 1.0) in listener.received()
    sending.peer().send(bundle(message("/rtrave/mix", "f", 0.5), message("/rtrave/freeze", "i", 1)))
    run(sending, 0.1)
    assert set(listener.received()) == {("/rtrave/mix", 0.5), ("/rtrave/freeze", 1)}
