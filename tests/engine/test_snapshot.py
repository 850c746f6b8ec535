"""A snapshot holds everything that the next hop depends on."""

import numpy as np
import pytest

from rtrave.errors import RtraveError
from tests.engine.playing import noise, play, tiny_engine, with_controls


def test_restored_engine_plays_the_same():
    engine = tiny_engine(channels=2)
    controls = with_controls(engine, latent_noise=0.5, mix=0.7, out_gain=-3.0)
    x = noise(engine, 40)
    first, rest = np.split(x, [15 * 128], axis=1)
    play(engine, first, controls)
    state = engine.snapshot()
    expected = play(engine, rest, with_controls(engine, freeze=1, out_gain=6.0))
    other = tiny_engine(channels=2)
    for player in (engine, other):
        player.restore(state)
        assert player.latent_frame == 15
        assert np.array_equal(play(player, rest, with_controls(engine, freeze=1, out_gain=6.0)), expected)


def test_a_snapshot_is_a_copy():
    engine = tiny_engine()
    x = noise(engine, 10)
    play(engine, x)
    state = engine.snapshot()
    copies = {name: value.copy() for name, value in state.items()}
    play(engine, x)
    assert all(np.array_equal(copies[name], state[name]) for name in copies)


def test_a_new_engine_has_a_snapshot_too():
    engine = tiny_engine()
    state = engine.snapshot()
    x = noise(engine, 10)
    expected = play(engine, x)
    engine.restore(state)
    assert np.array_equal(play(engine, x), expected)


def test_another_models_snapshot_is_refused():
    engine, stereo = tiny_engine(), tiny_engine(channels=2)
    with pytest.raises(RtraveError, match="states of this model and batch"):
        engine.restore(stereo.snapshot())


def test_a_reset_engine_plays_as_a_new_one():
    engine = tiny_engine()
    x = noise(engine, 10)
    expected = play(engine, x)
    play(engine, -x, with_controls(engine, mix=0.2, freeze=1))
    engine.reset()
    engine.latent_frame = 0
    assert np.array_equal(play(engine, x), expected)
