"""Changes to a crop before it is learned from. Crops are float32 [C, T]; everything drawn comes from one generator."""

from __future__ import annotations

import numpy as np

from rtrave.dsp.curves import raised_cosine
from rtrave.train.corpus import Corpus
from rtrave.train.recipe import Augmentation

FADE = 256  # samples around a silence
LOUDNESS_SPACING = 1024  # samples between two points of the course of loudness
QUIETEST = 1e-4  # of the peak: what is below is not raised any further
CEILING = 0.99
LOWEST_BAND = 1 / 1024  # of the sample rate: from here on a band of tone is an octave
BANDS = 10


def draw_crop(corpus: Corpus, generator: np.random.Generator, samples: int, how: Augmentation) -> np.ndarray:
    """A crop float32 [C, T] from the corpus, changed by chance."""
    speed = 1.0
    if generator.random() < how.pitch:
        speed = 2 ** (generator.uniform(-how.pitch_semitones, how.pitch_semitones) / 12)
    x = corpus.crop(generator, samples, speed)
    if generator.random() < how.compress:
        x = compressed(x, generator.uniform(0, how.compress_amount))
    if generator.random() < how.tone:
        x = toned(x, generator.uniform(-how.tone_db, how.tone_db, BANDS))
    if generator.random() < how.gain:
        x = gained(x, generator.uniform(*how.gain_db))
    if generator.random() < how.mute:
        start, end = np.sort(generator.integers(0, samples + 1, 2))
        x = np.zeros_like(x) if generator.random() < 0.25 else muted(x, int(start), int(end))
    return x


def gained(x: np.ndarray, gain_db: float) -> np.ndarray:
    """At another level, as far as it stays below full scale."""
    peak = float(np.abs(x).max())
    gain = 10 ** (gain_db / 20)
    return x * np.float32(min(gain, CEILING / peak) if peak > 0 else gain)


def toned(x: np.ndarray, gains_db: np.ndarray) -> np.ndarray:
    """In another tone, without delay: a gain for each octave, from 43 Hz at 44.1 kHz, joined by lines; it stays below
    full scale."""
    bands = LOWEST_BAND * 2.0 ** np.arange(len(gains_db))
    frequencies = np.fft.rfftfreq(x.shape[1]).clip(bands[0], bands[-1])
    curve = 10 ** (np.interp(np.log2(frequencies), np.log2(bands), gains_db) / 20)
    return gained(np.fft.irfft(np.fft.rfft(x) * curve, x.shape[1]).astype(np.float32), 0.0)


def muted(x: np.ndarray, start: int, end: int) -> np.ndarray:
    """Silent from `start` to `end`, with short fades inside of what stays."""
    curve = np.ones(x.shape[1], np.float32)
    curve[start:end] = 0
    down, up = min(FADE, start), min(FADE, x.shape[1] - end)
    curve[start - down : start] = raised_cosine(down)[::-1]
    curve[end : end + up] = raised_cosine(up)
    return x * curve


def compressed(x: np.ndarray, amount: float) -> np.ndarray:
    """Loud and quiet brought together: an envelope e becomes e ** (1 - amount), the loudest stays where it is."""
    samples = x.shape[1]
    points = np.arange(0, samples + LOUDNESS_SPACING, LOUDNESS_SPACING)
    padded = np.pad(np.abs(x).max(axis=0), (LOUDNESS_SPACING, 2 * LOUDNESS_SPACING))
    around = np.stack([padded[point : point + 2 * LOUDNESS_SPACING].max() for point in points])
    envelope = np.interp(np.arange(samples), points, around)
    peak = envelope.max(initial=0)
    if peak == 0:
        return x
    return (x * np.maximum(envelope / peak, QUIETEST) ** -amount).astype(np.float32)
