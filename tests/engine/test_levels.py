"""Gains, mix, bypass and silence: their target values, their ramps, and the exact delay of the dry path."""

import numpy as np
import pytest

from tests.engine.playing import noise, play, tiny_engine, with_controls


@pytest.fixture
def engine():
    return tiny_engine()


def test_bypass_is_the_input_after_the_delays_of_model_and_limiter(engine):
    x = noise(engine, 40)
    y = play(engine, x, with_controls(engine, bypass=1))
    delay = engine.spec.acoustic_delay + engine.limiter_delay
    assert delay == engine.dry_delay
    assert np.array_equal(y[:, delay:], x[:, :-delay])
    assert not y[:, :delay].any()


def test_mix_is_linear(engine):
    x = noise(engine, 30, level=0.01)
    wet, dry, half = (play(tiny_engine(), x, with_controls(engine, mix=mix)) for mix in (1, 0, 0.5))
    assert np.allclose(half, 0.5 * (wet + dry), atol=1e-6)


def test_out_gain_scales_and_is_silent_at_its_minimum(engine):
    x = noise(engine, 20, level=0.01)
    plain = play(tiny_engine(), x)
    louder = play(tiny_engine(), x, with_controls(engine, out_gain=6.0))
    assert np.allclose(louder, plain * 10 ** (6 / 20), rtol=1e-5)
    assert not play(tiny_engine(), x, with_controls(engine, out_gain=-70.0)).any()


def test_in_gain_drives_the_model(engine):
    x = noise(engine, 20, level=0.01)
    assert np.allclose(
        play(tiny_engine(), x, with_controls(engine, in_gain=-12.0)),
        play(tiny_engine(), x * np.float32(10 ** (-12 / 20))),
        atol=1e-5,
    )


@pytest.mark.parametrize("change", [{"silence": 1}, {"out_gain": -70}, {"mix": 0}, {"bypass": 1}, {"in_gain": -70}])
def test_a_change_is_ramped_over_one_hop(engine, change):
    """Play a constant, so that the dry path shows each step of the gain curve."""
    x = np.ones((1, 40 * engine.hop), np.float32)
    start = {"mix": 0} if "mix" not in change and "bypass" not in change else {}
    controls = np.tile(with_controls(engine, out_limit=0, **start), (40, 1))
    controls[30:] = with_controls(engine, out_limit=0, **{**start, **change})
    y = play(engine, x, controls)
    steps = np.abs(np.diff(y[0, 29 * engine.hop :]))
    settled = np.abs(np.diff(y[0, 27 * engine.hop : 29 * engine.hop])).max()
    whole = np.abs(y[0, 30 * engine.hop - 1] - y[0, -1])
    assert steps.max() <= settled * 2 + whole / engine.hop * 4 + 1e-6


def test_silence_is_exact_after_the_ramp(engine):
    x = noise(engine, 20)
    controls = np.tile(with_controls(engine), (20, 1))
    controls[10:] = with_controls(engine, silence=1)
    y = play(engine, x, controls)
    assert not y[:, 11 * engine.hop + engine.limiter_delay :].any()
    assert y[:, 9 * engine.hop : 10 * engine.hop].any()
