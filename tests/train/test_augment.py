"""Augmentations of crops: level, silence, compression, tone and pitch."""

import numpy as np
import pytest

from rtrave.train.augment import compressed, draw_crop, gained, muted, toned
from rtrave.train.corpus import Corpus, Sound
from rtrave.train.pitch import pitch_hz
from rtrave.train.recipe import Augmentation
from tests.train.sounds import RATE


@pytest.fixture
def sine():
    time = np.arange(RATE) / RATE
    return (0.5 * np.sin(2 * np.pi * 440 * time)).astype(np.float32)[None]


def corpus_of(x):
    return Corpus(np.ascontiguousarray(x.T), (Sound("x", 0, x.shape[1], 0),), RATE)


def test_gain_stays_below_full_scale(sine):
    assert np.abs(gained(sine, -6)).max() == pytest.approx(0.5 * 10 ** (-6 / 20), rel=1e-5)
    assert np.abs(gained(sine, 60)).max() == pytest.approx(0.99, rel=1e-5)
    assert not gained(np.zeros_like(sine), 60).any()


@pytest.mark.parametrize(("start", "end"), [(0, 17), (1000, 9000), (44099, 44100), (5, 5), (0, RATE)])
def test_mute_changes_only_the_muted_part_and_its_fades(sine, start, end):
    y = muted(sine, start, end)
    assert not y[:, start:end].any()
    assert np.array_equal(y[:, : max(start - 256, 0)], sine[:, : max(start - 256, 0)])
    assert np.array_equal(y[:, end + 256 :], sine[:, end + 256 :])


def test_compression_reduces_level_differences(sine):
    x = sine * np.where(np.arange(RATE) < RATE // 2, 1, 0.1).astype(np.float32)
    y = compressed(x, 0.5)
    assert np.abs(y[:, 5000:15000]).max() == pytest.approx(0.5, rel=1e-3)
    assert np.abs(y[:, 30000:40000]).max() == pytest.approx(0.5 * 0.1**0.5, rel=1e-2)
    assert not compressed(np.zeros_like(x), 0.5).any()


@pytest.mark.parametrize("samples", [1, 17, 2047, 44100])
def test_tone_gives_each_octave_its_gain(samples):
    x = (0.05 * np.random.default_rng(0).standard_normal((2, samples))).astype(np.float32)
    assert toned(x, np.zeros(10)) == pytest.approx(x, abs=1e-6)
    gains_db = np.linspace(-9, 9, 10)
    y = toned(x, gains_db)
    assert y.shape == x.shape and y.dtype == np.float32
    if samples == 44100:
        bins = np.round(samples / 1024 * 2.0 ** np.arange(10)).astype(int)
        before, after = (np.abs(np.fft.rfft(one)[:, bins]) for one in (x, y))
        assert 20 * np.log10(after / before) == pytest.approx(np.tile(gains_db, (2, 1)), abs=0.1)
    assert np.abs(toned(x * 10, np.full(10, 9.0))).max() <= 0.99


def test_tone_is_random():
    corpus = corpus_of(np.random.default_rng(0).standard_normal((1, 4096)).astype(np.float32) / 10)
    one, other = (draw_crop(corpus, np.random.default_rng(s), 4096, Augmentation(tone=1.0)) for s in range(2))
    assert not np.allclose(one, other, rtol=0.1)
    changes_db = 20 * np.log10(np.abs(np.fft.rfft(one)) / np.abs(np.fft.rfft(other)))
    assert 1 < np.abs(changes_db).max() < 2 * 9.1


def test_pitch_moves_within_its_range(sine):
    augmentation = Augmentation(pitch=1.0, pitch_semitones=2.0)
    corpus, semitones = corpus_of(sine), []
    for seed in range(8):
        crop = draw_crop(corpus, np.random.default_rng(seed), 16384, augmentation)
        assert crop.shape == (1, 16384) and crop.dtype == np.float32
        semitones.append(12 * np.log2(np.nanmedian(pitch_hz(crop[0], RATE)) / 440))
    assert np.abs(semitones).max() < 2.05 and np.ptp(semitones) > 1


def test_without_augmentation_a_crop_is_a_part_of_the_sound():
    x = np.arange(RATE, dtype=np.float32)[None]
    crop = draw_crop(corpus_of(x), np.random.default_rng(0), 4096, Augmentation())
    start = int(crop[0, 0])
    assert np.array_equal(crop, x[:, start : start + 4096])
