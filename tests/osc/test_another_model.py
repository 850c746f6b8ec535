"""The controls of another model: listeners get the whole state, subscriptions match their patterns again."""

from collections.abc import Callable

from rtrave.control.vector import make_layout
from tests.osc.rig import Rig, message, state
from tests.osc.test_changes import run


def adopt(rig: Rig, dims: int) -> None:
    rig.instrument.adopt(make_layout(dims))
    rig.server.adopt_controls()


def addresses(peer) -> set[str]:
    return {one[0] for one in peer.received()}


def test_listeners_get_the_whole_state_of_the_new_controls(make_rig: Callable[..., Rig]) -> None:
    rig = make_rig()
    peer = rig.peer()
    peer.send(message("/rtrave/hello", "ii", peer.name[1], 4))
    run(rig, 1.0)
    peer.received()
    peer.send(message("/rtrave/latent/1/bias", "f", 0.5))
    adopt(rig, 2)
    run(rig, 1.0)
    received = peer.received()
    assert ("/rtrave/latent/1/bias", 0.5) in received and ("/rtrave/dims", 2) in received
    there = {one[0] for one in received}
    assert there == state(rig.controls)


def test_a_subscription_follows_the_addresses_that_its_pattern_matches_now(make_rig: Callable[..., Rig]) -> None:
    rig = make_rig()
    peer, other = rig.peer(), rig.peer()
    peer.send(message("/rtrave/hello", "ii", peer.name[1], 0))
    peer.send(message("/rtrave/subscribe", "s", "/rtrave/latent/*/bias"))
    run(rig, 0.2)
    peer.received()
    adopt(rig, 6)
    run(rig, 0.2)
    assert addresses(peer) == {f"/rtrave/latent/{n}/bias" for n in range(6)}
    other.send(message("/rtrave/latent/5/bias", "f", 1.0))
    run(rig, 0.2)
    assert peer.received() == [("/rtrave/latent/5/bias", 1.0)]
    adopt(rig, 1)
    run(rig, 0.2)
    assert addresses(peer) == {"/rtrave/latent/0/bias"}


def test_removed_addresses_are_unknown_to_the_fast_path_too(make_rig: Callable[..., Rig]) -> None:
    rig = make_rig()
    peer = rig.peer()
    peer.send(message("/rtrave/latent/3/scale", "f", 2.0))
    run(rig, 0.05)
    adopt(rig, 2)
    peer.send(message("/rtrave/latent/3/scale", "f", 2.0))
    peer.send(message("/rtrave/latent/1/scale", "f", 2.0))
    run(rig, 0.05)
    refused = [one[:3] for one in peer.received()]
    assert refused == [("/rtrave/error", "/rtrave/latent/3/scale", "unknown-address")]
    assert rig.published[-1].size == rig.controls.layout.size
    assert rig.controls.get("/rtrave/latent/1/scale") == (2.0,)
    assert rig.server.counts.faults == 0
