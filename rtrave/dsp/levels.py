"""Levels: gains and their ramps, limiter, gate, meters, and samples that are no numbers. Signals are [C, T]."""

from __future__ import annotations

import numpy as np

SILENT_DB = -70.0  # a gain at the bottom of its range is silence


def db_to_gain(level_db: float) -> np.float32:
    """Linear gain of a level in dB; -70 dB and less is silence."""
    return np.float32(0 if level_db <= SILENT_DB else 10 ** (level_db / 20))


def ramp(start: np.float32, end: np.float32, samples: int) -> np.float32 | np.ndarray:
    """From just after `start` to `end` over one hop, float32 [samples]; the plain number where nothing moves."""
    if start == end:
        return end
    return np.linspace(start, end, samples + 1, dtype=np.float32)[1:]


def set_width(y: np.ndarray, width: np.float32 | np.ndarray) -> None:
    """Scale the difference of two channels, in place, y float32 [2, T]: 0 is mono, 1 as it is, 2 twice as far apart."""
    away = (y[0] - y[1]) * (np.float32(0.5) * (np.float32(1) - width))
    y[0] -= away
    y[1] += away


def silence_nonfinite(signal: np.ndarray) -> int:
    """Set NaN and infinities to 0, in place; how many there were."""
    finite = np.isfinite(signal)
    if finite.all():
        return 0
    signal[~finite] = 0
    return int(signal.size - finite.sum())


def levels(signal: np.ndarray) -> tuple[float, float]:
    """Peak and root mean square."""
    numbers = signal.ravel().astype(np.float64)  # the square of a large float32 is none
    return max(float(numbers.max()), -float(numbers.min())), float(np.sqrt(np.dot(numbers, numbers) / numbers.size))
