"""Trajectories: a recorded path, looped and at any speed, and the spherical path."""

import numpy as np
import pytest

from rtrave.edits import spherical_path
from rtrave.engine.trajectory import RECORDED_S, TURN_S
from tests.engine.chain import RATE_HZ, Chain, latents


def recorded(frames: int = 10, **controls: object) -> tuple[Chain, np.ndarray]:
    chain = Chain(3, rotated=True)
    path = latents(3, frames, seed=6)
    chain.set(trajectory_record=1, **controls)
    chain.play(path)
    chain.set(trajectory_record=0, trajectory_play=1, trajectory_amount=1.0)
    return chain, path


@pytest.mark.parametrize("space", [0, 1])
def test_a_loop_repeats_what_was_recorded(space: int) -> None:
    chain, path = recorded(trajectory_loop=1, space=space)
    assert np.allclose(chain.play(latents(3, 25)), np.tile(path, 3)[:, :25], atol=1e-5)


def test_a_path_that_does_not_loop_stays_at_its_end() -> None:
    chain, path = recorded(space=1)
    observed = chain.play(latents(3, 25))
    assert np.array_equal(observed[:, :10], path) and (observed[:, 10:] == path[:, -1:]).all()


def test_speed_halves_doubles_and_reverses() -> None:
    chain, path = recorded(space=1, trajectory_speed=0.5)
    observed = chain.play(latents(3, 19))
    assert np.allclose(observed[:, ::2], path, atol=1e-6)
    assert np.allclose(observed[:, 1::2], (path[:, 1:] + path[:, :-1]) / 2, atol=1e-6)
    chain, path = recorded(space=1, trajectory_speed=-1.0)
    assert np.array_equal(chain.play(latents(3, 10)), path[:, ::-1])
    chain, path = recorded(space=1, trajectory_speed=2.0)
    assert np.array_equal(chain.play(latents(3, 5)), path[:, ::2])


def test_the_amount_mixes() -> None:
    chain, path = recorded(space=1)
    chain.set(trajectory_amount=0.5)
    z = latents(3, 10)
    assert np.allclose(chain.play(z), (z + path) / 2, atol=1e-6)


def test_a_path_recorded_in_one_space_plays_in_the_other() -> None:
    chain, path = recorded(space=1, trajectory_loop=1)
    chain.set(space=0)
    assert np.allclose(chain.play(latents(3, 10)), path, atol=1e-5)


def test_a_new_recording_replaces_the_old_one() -> None:
    chain, _ = recorded(space=1)
    chain.play(latents(3, 1))
    chain.set(trajectory_record=1, trajectory_play=0)
    second = latents(3, 4, seed=7)
    chain.play(second)
    chain.set(trajectory_record=0, trajectory_play=1, trajectory_loop=1)
    assert np.array_equal(chain.play(latents(3, 8)), np.tile(second, 2))


def test_frames_beyond_the_longest_path_are_not_recorded() -> None:
    frames = round(RECORDED_S * RATE_HZ)
    chain, path = recorded(frames + 5, space=1, trajectory_loop=1)
    assert np.array_equal(chain.play(latents(3, frames + 1)), np.concatenate((path[:, :frames], path[:, :1]), axis=1))


def test_the_spherical_path_is_the_pure_function() -> None:
    chain = Chain(5)
    chain.set(trajectory_shape=1, trajectory_play=1, trajectory_amount=1.0)
    frames = round(TURN_S * RATE_HZ)
    path = spherical_path(5, frames)
    assert np.allclose(chain.play(latents(5, 2 * frames)), np.tile(path, 2), atol=1e-5)


def test_without_a_recorded_path_nothing_changes() -> None:
    chain = Chain(3)
    chain.set(trajectory_play=1, trajectory_amount=1.0)
    z = latents(3)
    assert np.array_equal(chain.play(z), z)
