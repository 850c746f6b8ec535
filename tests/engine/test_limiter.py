"""The limiter holds the ceiling, leaves everything below it alone, and comes back."""

import numpy as np
import pytest

from rtrave.levels import LIMIT_CEILING, LIMIT_RELEASE_S, limit

RATE = 44100


def limited(x, hop=2048):
    """A signal limited hop by hop, and the gain at each hop's end."""
    y, gain, gains = x.copy(), np.float32(1), []
    for start in range(0, x.shape[1], hop):
        gain = limit(y[:, start : start + hop], gain, RATE)
        gains.append(gain)
    return y, gains


def test_below_the_ceiling_nothing_changes():
    x = np.random.default_rng(0).uniform(-0.98, 0.98, (2, 20480)).astype(np.float32)
    y, gains = limited(x)
    assert np.array_equal(x, y)
    assert set(gains) == {1}


@pytest.mark.parametrize("hop", [1, 17, 128, 2047, 2048])
@pytest.mark.parametrize("level", [1.0, 1.5, 40.0, 1e30])
def test_the_ceiling_holds(level, hop):
    x = (level * np.random.default_rng(1).uniform(-1, 1, (2, 8 * 2048))).astype(np.float32)
    y, _ = limited(x, hop)
    assert np.isfinite(y).all()
    assert np.abs(y).max() <= LIMIT_CEILING


def test_the_gain_comes_back():
    x = np.full((1, 44100), 0.5, np.float32)
    x[0, 1000] = 4
    y, gains = limited(x)
    assert gains[0] < 1
    after = 1000 + int(LIMIT_RELEASE_S * RATE) + 2048
    assert np.array_equal(y[:, after:], x[:, after:])
    assert gains[-1] == 1


def test_channels_share_one_gain():
    x = np.full((2, 2048), 0.25, np.float32)
    x[0, 1000] = 2
    y, _ = limited(x)
    assert np.array_equal(y[0, :999], y[1, :999])
    assert y[1, 1000] < 0.25


def test_no_click_around_a_peak_inside_a_hop():
    x = np.full((1, 2048), 0.5, np.float32)
    x[0, 1000] = 2
    y, _ = limited(x)
    others = np.delete(y[0], 1000)
    assert np.abs(np.diff(others)).max() < 0.02
