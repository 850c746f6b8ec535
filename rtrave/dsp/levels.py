"""Levels: gains and their ramps, stereo width, meters, and samples that are not finite. Signals are [C, T]."""

from __future__ import annotations

import numpy as np

SILENT_DB = -70.0  # a level at the bottom of its range means a gain of 0


def db_to_gain(level_db: float) -> np.float32:
    """Return the linear gain of a level in dB; 0 at -70 dB and below."""
    return np.float32(0 if level_db <= SILENT_DB else 10 ** (level_db / 20))


def ramp(start: np.float32, end: np.float32, samples: int) -> np.float32 | np.ndarray:
    """Return a ramp from just after `start` to `end`, float32 [samples], or the number itself if both are equal."""
    if start == end:
        return end
    return np.linspace(start, end, samples + 1, dtype=np.float32)[1:]


def set_width(y: np.ndarray, width: np.float32 | np.ndarray) -> None:
    """Scale the difference of two channels of y, float32 [2, T], in place: 0 is mono, 1 unchanged, 2 twice as wide."""
    away = (y[0] - y[1]) * (np.float32(0.5) * (np.float32(1) - width))
    y[0] -= away
    y[1] += away


def silence_nonfinite(signal: np.ndarray) -> int:
    """Set NaN and infinities to 0 in place, and return their number."""
    finite = np.isfinite(signal)
    if finite.all():
        return 0
    signal[~finite] = 0
    return int(signal.size - finite.sum())


def levels(signal: np.ndarray) -> tuple[float, float]:
    """Return peak and root mean square."""
    numbers = signal.ravel().astype(np.float64)  # the square of a large float32 overflows
    return max(float(numbers.max()), -float(numbers.min())), float(np.sqrt(np.dot(numbers, numbers) / numbers.size))
