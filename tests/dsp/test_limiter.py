"""The limiter holds the ceiling, lowers its gain before a peak, recovers, and only delays lower signals."""

import numpy as np
import pytest

from rtrave.dsp.limiter import LIMIT_CEILING, LIMIT_RELEASE_S, LOOKAHEAD_S, Limiter

RATE = 44100
DELAY = round(LOOKAHEAD_S * RATE)


def limited(x, hop=2048, on=lambda start: True):
    """Limit a signal hop by hop; return it with the gain at the end of each hop."""
    y, gains = x.copy(), []
    limiter = Limiter(x.shape[0], hop, RATE)
    assert limiter.delay == DELAY
    for start in range(0, x.shape[1] - hop + 1, hop):
        limiter.process(y[:, start : start + hop], on(start))
        gains.append(limiter.gain)
    return y[:, : len(gains) * hop], gains


@pytest.mark.parametrize("hop", [1, 17, 2048])
@pytest.mark.parametrize("on", [True, False])
def test_below_the_ceiling_it_only_delays(hop, on):
    x = np.random.default_rng(0).uniform(-0.98, 0.98, (2, 20480)).astype(np.float32)
    y, gains = limited(x, hop, lambda _: on)
    assert np.array_equal(x[:, : y.shape[1] - DELAY], y[:, DELAY:])
    assert not y[:, :DELAY].any()
    assert set(gains) == {1}


def test_off_it_only_delays_at_any_level():
    x = np.random.default_rng(0).uniform(-3, 3, (2, 20480)).astype(np.float32)
    y, _ = limited(x, on=lambda _: False)
    assert np.array_equal(x[:, :-DELAY], y[:, DELAY:])


@pytest.mark.parametrize("hop", [1, 17, 128, 2047, 2048])
@pytest.mark.parametrize("level", [1.0, 1.5, 40.0, 1e30])
def test_the_ceiling_holds(level, hop):
    x = (level * np.random.default_rng(1).uniform(-1, 1, (2, 8 * 2048))).astype(np.float32)
    y, _ = limited(x, hop)
    assert np.isfinite(y).all()
    assert np.abs(y).max() <= LIMIT_CEILING


def test_the_gain_recovers():
    x = np.full((1, 44100), 0.5, np.float32)
    x[0, 1000] = 4
    y, gains = limited(x)
    assert gains[0] < 1
    after = 1000 + int(LIMIT_RELEASE_S * RATE) + 2048
    assert np.array_equal(y[:, after + DELAY :], x[:, after : y.shape[1] - DELAY])
    assert gains[-1] == 1


def test_switched_off_it_releases_slowly():
    x = np.full((1, 40 * 2048), 0.5, np.float32)
    x[0, 2100] = 8
    y, gains = limited(x, on=lambda start: start < 2 * 2048)
    assert gains[1] < 1 and gains[-1] == 1
    assert np.abs(np.diff(np.delete(y[0, DELAY:], 2100))).max() < 0.02


def test_channels_share_one_gain():
    x = np.full((2, 2048), 0.25, np.float32)
    x[0, 1000] = 2
    y, _ = limited(x)
    assert np.array_equal(np.delete(y[0], 1000 + DELAY), np.delete(y[1], 1000 + DELAY))
    assert y[1, 1000 + DELAY] < 0.25


@pytest.mark.parametrize("hop", [17, 128, 2047, 2048])
@pytest.mark.parametrize("at", [2048, 2049, 4095, 5000])
def test_the_gain_falls_before_a_peak_anywhere_in_a_hop(at, hop):
    x = np.full((1, 6 * 2048), 0.5, np.float32)
    x[0, at] = 2
    y, _ = limited(x, hop)
    others = np.delete(y[0, DELAY:], at)
    assert np.abs(np.diff(others)).max() < 0.5 / DELAY * 1.1
    assert others[at - DELAY // 4] < 0.4 and others[at - DELAY - 1] == 0.5


def test_hops_do_not_change_the_sound():
    x = (1.5 * np.random.default_rng(2).standard_normal((1, 6 * 2048))).astype(np.float32)
    whole, _ = limited(x, x.shape[1])
    for hop in (17, 128, 2048):
        y, _ = limited(x, hop)
        np.testing.assert_allclose(y, whole[:, : y.shape[1]], atol=1e-5)
