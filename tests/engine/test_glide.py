"""Controls glide to a recalled snapshot, latent frame by latent frame, in the engine."""

import numpy as np
import pytest

from tests.engine.chain import RATE_HZ, Chain, latents

ZEROS = np.zeros((2, 1), np.float32)


def test_a_straight_line_that_ends_exactly() -> None:
    chain = Chain(2)
    chain.set(latent_bias=[1.0, -1.0])
    chain.play(ZEROS)
    chain.glide_to(2.0, latent_bias=[3.0, 0.0])
    observed = chain.play(np.zeros((2, 60), np.float32))
    share = np.minimum(np.arange(1, 61) / (2 * RATE_HZ), 1)
    assert np.allclose(observed[0], 1 + 2 * share, atol=1e-6) and np.allclose(observed[1], -1 + share, atol=1e-6)
    assert (observed[0, 39:] == 3).all()


def test_a_glide_of_zero_seconds_is_immediate() -> None:
    chain = Chain(2)
    chain.play(ZEROS)
    chain.glide_to(0.0, latent_bias=2.0)
    assert (chain.play(ZEROS) == 2).all()


def test_a_control_that_is_sent_stops_gliding() -> None:
    chain = Chain(2)
    chain.play(ZEROS)
    chain.glide_to(1.0, latent_bias=2.0)
    chain.play(np.zeros((2, 10), np.float32))
    chain.set(latent_bias=[-1.0, 2.0])
    assert np.allclose(chain.play(ZEROS)[:, 0], [-1.0, 2.0 * 11 / 20], atol=1e-6)


def test_a_glide_starts_from_the_current_value_of_the_last_one() -> None:
    chain = Chain(1)
    chain.play(ZEROS[:1])
    chain.glide_to(1.0, latent_bias=2.0)
    assert chain.play(np.zeros((1, 10), np.float32))[0, -1] == pytest.approx(1.0)
    chain.glide_to(1.0, latent_bias=0.0)
    assert chain.play(np.zeros((1, 10), np.float32))[0, -1] == pytest.approx(0.5)


def test_a_switch_does_not_glide() -> None:
    chain = Chain(2)
    chain.play(ZEROS)
    chain.glide_to(10.0, latent_mute=1, latent_bias=2.0)
    assert not chain.play(np.ones((2, 1), np.float32)).any()


def test_a_run_begins_without_a_glide() -> None:
    chain = Chain(2)
    chain.glide_to(10.0, latent_bias=2.0)
    assert np.array_equal(chain.play(latents(2, 1)), latents(2, 1) + np.float32(2))
