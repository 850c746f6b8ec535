"""Scores of clips whose scores are known, and their means."""

import numpy as np
import pytest

from rtrave.train.clip_scores import Clip, compare, summarise
from tests.train.tones import tone

RATE = 44100


def clip(hz=440.0, channels=1):
    return np.tile(tone(hz, RATE, 1.0), (channels, 1)) / 4


@pytest.mark.parametrize("channels", [1, 2])
def test_the_same_sound(channels):
    x = clip(channels=channels)
    scores = compare(x, x, RATE)
    assert (scores.distance, scores.lsd_db, scores.loudness_error_db) == (0, 0, 0)
    assert (scores.f0_median_cents, scores.f0_within_50) == (0, 1)
    assert scores.voiced == scores.voiced_both > 80


def test_half_the_level():
    x = clip()
    scores = compare(x, x / 2, RATE)
    assert scores.loudness_error_db == pytest.approx(6.02, abs=0.01)
    assert scores.f0_within_50 == 1 and 0.5 < scores.distance < 2


def test_a_wrong_note():
    near, far = (compare(clip(), clip(440 * 2 ** (off / 1200)), RATE) for off in (40, 60))
    assert near.f0_within_50 > 0.95 and near.f0_median_cents == pytest.approx(40, abs=1)
    assert far.f0_within_50 < 0.05 and far.f0_median_cents == pytest.approx(60, abs=1)


def test_a_lost_pitch_shows_in_the_count_of_voiced_frames():
    x = clip()
    noise = np.random.default_rng(0).standard_normal(x.shape).astype(np.float32) / 8
    scores = compare(x, noise, RATE)
    assert scores.voiced > 80 and scores.voiced_both < 5


def test_silence():
    x = clip()
    silent = compare(x, np.zeros_like(x), RATE)
    assert (
        silent.distance > 1
        and silent.voiced_both == 0
        and silent.f0_median_cents is None
        and silent.f0_within_50 is None
    )
    assert np.isfinite(silent.lsd_db) and silent.loudness_error_db > 60


def test_means_of_the_pitch_are_weighted_by_voiced_frames():
    def one(distance, within, frames, attack=None):
        return Clip("", "", distance, 0.0, None if within is None else 10.0, within, frames, 50, 1.0, attack, -2.0)

    means = summarise([one(1, 1.0, 30, -3.0), one(2, 0.5, 10, -1.0), one(3, None, 0)])
    assert means.distance == 2 and means.f0_within_50 == pytest.approx(0.875)
    assert means.f0_median_cents == 10 and means.voiced_both == 40 and means.voiced == 150
    assert means.attack_error_db == -2 and means.treble_error_db == -2
    unpitched = summarise([one(3, None, 0)])
    assert unpitched.f0_within_50 is None and unpitched.attack_error_db is None
