"""Tones of known pitch."""

import numpy as np


def tone(hz, sample_rate=44100, seconds=0.5, partials=8):
    """A harmonic tone, float32 [T]: partials fall by 6 dB per octave, differ in phase, and stay below Nyquist."""
    t = np.arange(int(seconds * sample_rate)) / sample_rate
    present = range(1, min(partials, int(sample_rate / 2.2 / hz)) + 1)
    return sum(np.sin(2 * np.pi * hz * n * t + n * n) / n for n in present).astype(np.float32)
