"""The numbers of a clip, on sounds whose numbers are known."""

import numpy as np
import pytest

from rtrave.train.evaluate import Clip, compare, summary
from tests.train.tones import tone

RATE = 44100


def clip(hz=440.0, channels=1):
    return np.tile(tone(hz, RATE, 1.0), (channels, 1)) / 4


@pytest.mark.parametrize("channels", [1, 2])
def test_the_same_sound(channels):
    x = clip(channels=channels)
    found = compare(x, x, RATE)
    assert (found.distance, found.lsd_db, found.loudness_error_db) == (0, 0, 0)
    assert (found.f0_median_cents, found.f0_within_50) == (0, 1)
    assert found.voiced == found.voiced_both > 80


def test_half_the_level():
    x = clip()
    found = compare(x, x / 2, RATE)
    assert found.loudness_error_db == pytest.approx(6.02, abs=0.01)
    assert found.f0_within_50 == 1 and 0.5 < found.distance < 2


def test_a_wrong_note():
    near, far = (compare(clip(), clip(440 * 2 ** (off / 1200)), RATE) for off in (40, 60))
    assert near.f0_within_50 > 0.95 and near.f0_median_cents == pytest.approx(40, abs=1)
    assert far.f0_within_50 < 0.05 and far.f0_median_cents == pytest.approx(60, abs=1)


def test_a_pitch_that_is_lost_is_seen_by_its_count():
    x = clip()
    noise = np.random.default_rng(0).standard_normal(x.shape).astype(np.float32) / 8
    found = compare(x, noise, RATE)
    assert found.voiced > 80 and found.voiced_both < 5


def test_silence():
    x = clip()
    lost = compare(x, np.zeros_like(x), RATE)
    assert lost.distance > 1 and lost.voiced_both == 0 and lost.f0_median_cents is None and lost.f0_within_50 is None
    assert np.isfinite(lost.lsd_db) and lost.loudness_error_db > 60


def test_means_weigh_pitch_by_its_frames():
    def one(distance, within, frames, attack=None):
        return Clip("", "", distance, 0.0, None if within is None else 10.0, within, frames, 50, 1.0, attack, -2.0)

    found = summary([one(1, 1.0, 30, -3.0), one(2, 0.5, 10, -1.0), one(3, None, 0)])
    assert found["distance"] == 2 and found["f0_within_50"] == pytest.approx(0.875)
    assert found["f0_median_cents"] == 10 and found["voiced_both"] == 40 and found["voiced"] == 150
    assert found["attack_error_db"] == -2 and found["treble_error_db"] == -2
    nothing = summary([one(3, None, 0)])
    assert nothing["f0_within_50"] is None and nothing["attack_error_db"] is None
