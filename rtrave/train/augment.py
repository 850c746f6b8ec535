"""Augmentations of a training crop, float32 [C, T]. All random draws come from the given generator."""

from __future__ import annotations

import numpy as np

from rtrave.dsp.curves import raised_cosine
from rtrave.train.corpus import Corpus
from rtrave.train.recipe import Augmentation

FADE = 256  # samples of fade on both sides of a muted part
ENVELOPE_SPACING = 1024  # samples between two points of the loudness envelope
ENVELOPE_FLOOR = 1e-4  # relative to the peak: bounds how much silence is amplified
PEAK_LIMIT = 0.99  # of full scale
LOWEST_BAND = 1 / 1024  # cycles per sample; the following bands are an octave apart
BANDS = 10


def draw_crop(corpus: Corpus, generator: np.random.Generator, samples: int, augmentation: Augmentation) -> np.ndarray:
    """Draw a crop from the corpus and augment it at random: float32 [C, samples]."""
    speed = 1.0
    if generator.random() < augmentation.pitch:
        speed = 2 ** (generator.uniform(-augmentation.pitch_semitones, augmentation.pitch_semitones) / 12)
    x = corpus.crop(generator, samples, speed)
    if generator.random() < augmentation.compress:
        x = compressed(x, generator.uniform(0, augmentation.compress_amount))
    if generator.random() < augmentation.tone:
        x = toned(x, generator.uniform(-augmentation.tone_db, augmentation.tone_db, BANDS))
    if generator.random() < augmentation.gain:
        x = gained(x, generator.uniform(*augmentation.gain_db))
    if generator.random() < augmentation.mute:
        start, end = np.sort(generator.integers(0, samples + 1, 2))
        x = np.zeros_like(x) if generator.random() < 0.25 else muted(x, int(start), int(end))
    return x


def gained(x: np.ndarray, gain_db: float) -> np.ndarray:
    """Scale by `gain_db`, or by less where the peak would exceed 0.99 of full scale."""
    peak = float(np.abs(x).max())
    gain = 10 ** (gain_db / 20)
    return x * np.float32(min(gain, PEAK_LIMIT / peak) if peak > 0 else gain)


def toned(x: np.ndarray, gains_db: np.ndarray) -> np.ndarray:
    """Equalise with zero phase, one gain per octave; the lowest band is at 43 Hz for 44.1 kHz.

    The gains in dB are interpolated linearly over log frequency. The peak stays at most 0.99 of full scale.
    """
    bands = LOWEST_BAND * 2.0 ** np.arange(len(gains_db))
    frequencies = np.fft.rfftfreq(x.shape[1]).clip(bands[0], bands[-1])
    curve = 10 ** (np.interp(np.log2(frequencies), np.log2(bands), gains_db) / 20)
    return gained(np.fft.irfft(np.fft.rfft(x) * curve, x.shape[1]).astype(np.float32), 0.0)


def muted(x: np.ndarray, start: int, end: int) -> np.ndarray:
    """Silence the samples from `start` to `end`, with short fades in the sound around them."""
    curve = np.ones(x.shape[1], np.float32)
    curve[start:end] = 0
    down, up = min(FADE, start), min(FADE, x.shape[1] - end)
    curve[start - down : start] = raised_cosine(down)[::-1]
    curve[end : end + up] = raised_cosine(up)
    return x * curve


def compressed(x: np.ndarray, amount: float) -> np.ndarray:
    """Compress the dynamics: the envelope e becomes e ** (1 - amount), relative to its maximum, which stays."""
    samples = x.shape[1]
    points = np.arange(0, samples + ENVELOPE_SPACING, ENVELOPE_SPACING)
    padded = np.pad(np.abs(x).max(axis=0), (ENVELOPE_SPACING, 2 * ENVELOPE_SPACING))
    peaks = np.stack([padded[point : point + 2 * ENVELOPE_SPACING].max() for point in points])
    envelope = np.interp(np.arange(samples), points, peaks)
    peak = envelope.max(initial=0)
    if peak == 0:
        return x
    return (x * np.maximum(envelope / peak, ENVELOPE_FLOOR) ** -amount).astype(np.float32)
