"""Sounds whose numbers are known."""

import numpy as np


def tone(hz, sample_rate=44100, seconds=0.5, partials=8):
    """Harmonics that fall off by 6 dB per octave, each of another phase, below half the sample rate; float32 [T]."""
    t = np.arange(int(seconds * sample_rate)) / sample_rate
    kept = range(1, min(partials, int(sample_rate / 2.2 / hz)) + 1)
    return sum(np.sin(2 * np.pi * hz * n * t + n * n) / n for n in kept).astype(np.float32)
