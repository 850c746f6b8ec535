"""Time tags: the past is now, up to 2 s ahead are met with whole bundles, beyond that or a full queue is `late`."""

from collections.abc import Callable

import pytest

from tests.osc.rig import START_UNIX_S, Peer, Rig, adds_up, bundle, message


def mix(value: float) -> bytes:
    return message("/rtrave/mix", "f", value)


@pytest.mark.parametrize("ahead_s", [-1e9, -0.001, 0.0])
def test_the_past_is_now(rig: Rig, ahead_s: float) -> None:
    rig.peer().send(bundle(mix(0.5), unix_s=START_UNIX_S + ahead_s))
    assert rig.controls.get("/rtrave/mix") == (0.5,)


def test_on_time_and_whole(rig: Rig) -> None:
    parts = [message(f"/rtrave/latent/{n}/scale", "f", 3.0) for n in range(4)]
    rig.peer().send(bundle(*parts, unix_s=START_UNIX_S + 1.5), bundle(mix(0.5), unix_s=START_UNIX_S + 0.5))
    assert rig.published == [] and rig.server.counts.queued == 5 and adds_up(rig.server)
    for at_s, published, queued in [(0.499, 0, 5), (0.501, 1, 4), (1.499, 1, 4), (1.501, 2, 0)]:
        rig.clock.now_s = 1000.0 + at_s
        rig.server.finish_burst()
        assert (len(rig.published), rig.server.counts.queued) == (published, queued)
        assert adds_up(rig.server)
    assert (rig.published[1][rig.controls.layout.slots["latent/scale"]] == 3.0).all()
    assert rig.controls.get("/rtrave/mix") == (0.5,)


def test_messages_of_one_time_keep_their_order(rig: Rig) -> None:
    rig.peer().send(*[bundle(mix(k / 8), unix_s=START_UNIX_S + 1.0) for k in range(8)])
    rig.clock.now_s += 1.01
    rig.server.finish_burst()
    assert rig.controls.get("/rtrave/mix") == (7 / 8,)


def test_beyond_two_seconds_is_late(rig: Rig, peer: Peer) -> None:
    peer.send(bundle(mix(0.5), mix(0.25), unix_s=START_UNIX_S + 2.001))
    assert rig.server.counts.refused == {"late": 2} and rig.server.counts.queued == 0
    assert [(t[0], t[2]) for t in peer.received()] == 2 * [("/rtrave/error", "late")]
    peer.send(bundle(mix(0.5), unix_s=START_UNIX_S + 1.999))
    assert rig.server.counts.queued == 1 and adds_up(rig.server)


def test_a_full_queue_takes_no_part_of_a_bundle(rig: Rig) -> None:
    peer = rig.peer()
    peer.send(bundle(*[mix(0.5)] * 1000, unix_s=START_UNIX_S + 1.0))
    peer.send(bundle(*[mix(0.5)] * 25, unix_s=START_UNIX_S + 1.0))
    assert rig.server.counts.queued == 1000 and rig.server.counts.refused == {"late": 25}
    peer.send(bundle(*[mix(0.5)] * 24, unix_s=START_UNIX_S + 1.0))
    assert rig.server.counts.queued == 1024 and adds_up(rig.server)


def test_an_option_ignores_them(make_rig: Callable[..., Rig]) -> None:
    rig = make_rig(ignore_time_tags=True)
    rig.peer().send(bundle(mix(0.5), unix_s=START_UNIX_S + 1e6))
    assert rig.controls.get("/rtrave/mix") == (0.5,)


def test_messages_queued_at_the_end_are_counted(rig: Rig) -> None:
    rig.peer().send(bundle(mix(0.5), unix_s=START_UNIX_S + 1.0))
    rig.server.stop()
    assert rig.server.counts.refused == {"late": 1} and adds_up(rig.server)
