"""Effect of the controls on the latents, read from the engine's report."""

import numpy as np
import pytest

from rtrave.model.latent_space import compress
from tests.engine.playing import noise, play, tiny_engine, with_controls


@pytest.fixture
def engine():
    return tiny_engine()


def components(engine, z):
    return compress(z, engine.stream.backend.facts.latent_pca, engine.stream.backend.facts.latent_mean)


def edited(engine, **controls):
    """Play a few hops; return the components before and after the edits."""
    play(engine, noise(engine, 5, level=0.01), with_controls(engine, **controls))
    return components(engine, engine.report.z_in), components(engine, engine.report.z_out)


def test_scale_and_bias(engine):
    z_in, z_out = edited(engine, latent_scale=[2, 1, 1, -1], latent_bias=[0.5, 0, -1, 0])
    expected = z_in * np.array([[2], [1], [1], [-1]]) + np.array([[0.5], [0], [-1], [0]])
    assert np.allclose(z_out, expected, atol=1e-4)


def test_override_mixes_to_the_value(engine):
    z_in, z_out = edited(engine, latent_override=[1, 0.5, 0, 0], latent_value=[2, 2, 2, 0])
    assert np.allclose(z_out[0], 2, atol=1e-4)
    assert np.allclose(z_out[1], 0.5 * z_in[1] + 1, atol=1e-4)
    assert np.allclose(z_out[2:], z_in[2:], atol=1e-4)


def test_mute_overrides_everything_else(engine):
    _, z_out = edited(engine, latent_mute=[1, 0, 0, 0], latent_bias=3, latent_override=1, latent_value=2)
    assert np.allclose(z_out[0], 0, atol=1e-4)
    assert np.allclose(z_out[1:], 2, atol=1e-4)


def test_the_full_space_edits_raw_latents_exactly(engine):
    play(engine, noise(engine, 5, level=0.01), with_controls(engine, space=1, latent_bias=[0, 1, 0, 0]))
    assert np.array_equal(engine.report.z_out[1], engine.report.z_in[1] + np.float32(1))
    assert np.array_equal(engine.report.z_out[[0, 2, 3]], engine.report.z_in[[0, 2, 3]])


def test_the_hard_limit_holds(engine):
    z_in, z_out = edited(engine, latent_scale=1000.0)
    assert np.abs(z_in).max() * 1000 > 10
    assert np.abs(z_out).max() <= max(10, np.abs(z_in).max()) * 1.0001


def test_noise_has_its_deviation_and_follows_the_seed():
    def jitter(seed, level):
        engine = tiny_engine(seed=seed)
        moved = []
        for block in np.split(noise(engine, 300, level=0.01), 300, axis=1):
            play(engine, block, with_controls(engine, space=1, latent_noise=[level, 0, 0, 0]))
            moved.append(engine.report.z_out - engine.report.z_in)
        return np.array(moved)[:, :, 0]

    once, again, other = jitter(1, 0.5), jitter(1, 0.5), jitter(2, 0.5)
    assert np.array_equal(once, again)
    assert not np.array_equal(once, other)
    assert abs(once[:, 0].std() - 0.5) < 0.06
    assert not once[:, 1:].any()


def test_freeze_holds_every_latent_exactly(engine):
    x = noise(engine, 12, level=0.01)
    play(engine, x[:, : 4 * 128], with_controls(engine, latent_bias=1))
    held = engine.report.z_out.copy()
    for block in np.split(x[:, 4 * 128 :], 8, axis=1):
        play(engine, block, with_controls(engine, latent_bias=-3, freeze=1))
        assert np.array_equal(engine.report.z_out, held)
    play(engine, x[:, :128])
    assert not np.array_equal(engine.report.z_out, held)


def test_panic_resets_the_model_once():
    engine, fresh = tiny_engine(), tiny_engine()
    x = noise(engine, 10, level=0.01)
    play(engine, x)
    once = play(engine, x, with_controls(engine, panic=1))
    delay = engine.limiter_delay  # the limiter still holds samples from before the panic
    assert np.array_equal(once[:, delay:], play(fresh, x, with_controls(fresh, panic=1))[:, delay:])
    assert not np.array_equal(
        play(engine, x, with_controls(engine, panic=1)), once
    )  # an unchanged count fires no second time
