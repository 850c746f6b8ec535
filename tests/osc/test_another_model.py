"""Other controls under way: listeners hear the whole state, subscriptions follow their patterns, messages fit."""

from collections.abc import Callable

from rtrave.control.vector import make_layout
from tests.osc.rig import Rig, message, state
from tests.osc.test_changes import run


def adopt(rig: Rig, dims: int) -> None:
    rig.instrument.adopt(make_layout(dims))
    rig.server.adopt_controls()


def addresses(peer) -> set[str]:
    return {one[0] for one in peer.heard()}


def test_the_whole_state_of_the_new_controls_is_told(make_rig: Callable[..., Rig]) -> None:
    rig = make_rig()
    peer = rig.peer()
    peer.send(message("/rtrave/hello", "ii", peer.name[1], 4))
    run(rig, 1.0)
    peer.heard()
    peer.send(message("/rtrave/latent/1/bias", "f", 0.5))
    adopt(rig, 2)
    run(rig, 1.0)
    told = peer.heard()
    assert ("/rtrave/latent/1/bias", 0.5) in told and ("/rtrave/dims", 2) in told
    there = {one[0] for one in told}
    assert there == state(rig.controls)


def test_a_pattern_means_what_it_matches_now(make_rig: Callable[..., Rig]) -> None:
    rig = make_rig()
    peer, other = rig.peer(), rig.peer()
    peer.send(message("/rtrave/hello", "ii", peer.name[1], 0))
    peer.send(message("/rtrave/subscribe", "s", "/rtrave/latent/*/bias"))
    run(rig, 0.2)
    peer.heard()
    adopt(rig, 6)
    run(rig, 0.2)
    assert addresses(peer) == {f"/rtrave/latent/{n}/bias" for n in range(6)}
    other.send(message("/rtrave/latent/5/bias", "f", 1.0))
    run(rig, 0.2)
    assert peer.heard() == [("/rtrave/latent/5/bias", 1.0)]
    adopt(rig, 1)
    run(rig, 0.2)
    assert addresses(peer) == {"/rtrave/latent/0/bias"}


def test_addresses_that_went_are_unknown_also_to_the_fast_path(make_rig: Callable[..., Rig]) -> None:
    rig = make_rig()
    peer = rig.peer()
    peer.send(message("/rtrave/latent/3/scale", "f", 2.0))
    run(rig, 0.05)
    adopt(rig, 2)
    peer.send(message("/rtrave/latent/3/scale", "f", 2.0))
    peer.send(message("/rtrave/latent/1/scale", "f", 2.0))
    run(rig, 0.05)
    refused = [one[:3] for one in peer.heard()]
    assert refused == [("/rtrave/error", "/rtrave/latent/3/scale", "unknown-address")]
    assert rig.published[-1].size == rig.controls.layout.size
    assert rig.controls.get("/rtrave/latent/1/scale") == (2.0,)
    assert rig.server.counts.faults == 0
