"""A burst is published once and whole; overwritten messages count as coalesced."""

from collections.abc import Callable

import pytest

from tests.osc.rig import Rig, adds_up, bundle, message


def mix(value: float) -> bytes:
    return message("/rtrave/mix", "f", value)


def test_one_publication_per_burst_with_the_latest_values(rig: Rig) -> None:
    peer = rig.peer()
    peer.send(mix(0.25), message("/rtrave/freeze", "i", 1), mix(0.5), mix(0.75))
    (values,) = rig.published
    slots = rig.controls.layout.slots
    assert values[slots["mix"]] == 0.75 and values[slots["freeze"]] == 1.0
    counts = rig.server.counts
    assert (counts.received, counts.accepted, counts.coalesced) == (4, 2, 2)
    peer.send(mix(0.5))
    assert len(rig.published) == 2 and counts.accepted == 3


def test_a_bundle_is_never_torn(rig: Rig) -> None:
    rig.peer().send(bundle(*(message(f"/rtrave/latent/{n}/bias", "f", 2.0) for n in range(4))))
    (values,) = rig.published
    assert (values[rig.controls.layout.slots["latent/bias"]] == 2.0).all()


def test_a_refused_message_of_a_bundle_leaves_the_others(rig: Rig) -> None:
    rig.peer().send(bundle(mix(0.25), message("/rtrave/freeze", "s", "x"), message("/rtrave/silence", "i", 1)))
    assert rig.controls.get("/rtrave/mix") == (0.25,) and rig.controls.get("/rtrave/silence") == (1,)
    assert rig.server.counts.refused == {"bad-type": 1} and adds_up(rig.server)


def test_triggers_are_not_coalesced(rig: Rig) -> None:
    rig.peer().send(*[message("/rtrave/panic", "i", 1)] * 3)
    assert rig.published[0][rig.controls.layout.slots["panic"]] == 3.0
    assert rig.server.counts.accepted == 3


def test_nothing_set_nothing_published(rig: Rig) -> None:
    rig.peer().send(message("/rtrave/ping"), message("/rtrave/mix", "s", "x"), bundle(), b"x")
    assert rig.published == []


def test_sync_answers_after_the_publication(make_rig: Callable[..., Rig]) -> None:
    received_before: list[tuple] = []
    rig = make_rig(publish=lambda values: received_before.extend(peer.received()))
    peer = rig.peer()
    peer.send(message("/rtrave/sync", "i", 1), mix(0.5))
    assert received_before == [] and peer.received() == [("/rtrave/synced", 1)]


def test_a_failed_publication_is_repeated(make_rig: Callable[..., Rig]) -> None:
    attempts: list[object] = []

    def fail_once(values: object) -> None:
        attempts.append(values)
        if len(attempts) == 1:
            raise OSError("gone")

    rig = make_rig(publish=fail_once)
    with pytest.raises(OSError, match="gone"):
        rig.peer().send(mix(0.5))
    assert len(attempts) == 1 and rig.server.counts.published == 0
    rig.server.finish_burst()
    assert len(attempts) == 2 and rig.server.counts.published == 1
    rig.server.finish_burst()
    assert len(attempts) == 2
