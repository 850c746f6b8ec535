"""YIN on tones of known pitch, noise and silence."""

import numpy as np
import pytest

from rtrave.train.pitch import cents_apart, pitch_hz
from tests.train.tones import tone


@pytest.mark.parametrize("sample_rate", [22050, 44100, 48000])
@pytest.mark.parametrize("hz", [41.2, 65.4, 196.0, 440.0, 987.8, 2093.0])
@pytest.mark.parametrize("partials", [1, 8])
def test_tones(hz, sample_rate, partials):
    estimates = pitch_hz(tone(hz, sample_rate, partials=partials), sample_rate)
    assert len(estimates) > 30 and np.isfinite(estimates).all()
    assert 1200 * np.abs(np.log2(estimates / hz)).max() < 8


def test_a_detuning_is_measured():
    one, other = pitch_hz(tone(440), 44100), pitch_hz(tone(440 * 2 ** (30 / 1200)), 44100)
    assert np.median(cents_apart(one, other)) == pytest.approx(30, abs=1)


def test_noise_and_silence_have_no_pitch():
    noise = np.random.default_rng(0).standard_normal(44100)
    assert np.isnan(pitch_hz(noise, 44100)).mean() > 0.98
    assert np.isnan(pitch_hz(np.zeros(44100), 44100)).all()


def test_pauses_have_no_pitch():
    x = np.concatenate((tone(300), np.zeros(22050, np.float32), tone(300)))
    voiced = np.isfinite(pitch_hz(x, 44100))
    assert voiced[:40].all() and not voiced[52:90].any() and voiced[102:].all()


@pytest.mark.parametrize("samples", [0, 1, 17, 2047, 2049])
def test_a_sound_shorter_than_a_frame_has_no_pitch(samples):
    assert not np.isfinite(pitch_hz(np.ones(samples), 44100)).any()


def test_only_frames_voiced_in_both_count():
    one, other = np.array([100, np.nan, 100, np.nan]), np.array([200, 100, np.nan, np.nan])
    assert cents_apart(one, other).tolist() == [1200]
