"""Levels: gains and their ramps, the limiter, meters, and samples that are no numbers. Pure functions on [C, T]."""

from __future__ import annotations

import numpy as np

SILENT_DB = -70.0  # a gain at the bottom of its range is silence
LIMIT_CEILING = np.float32(10 ** (-0.1 / 20))  # -0.1 dBFS
LIMIT_RELEASE_S = 0.2  # from silence back to full gain
LIMIT_ATTACK_S = 0.002


def db_to_gain(level_db: float) -> np.float32:
    """Linear gain of a level in dB; -70 dB and less is silence."""
    return np.float32(0 if level_db <= SILENT_DB else 10 ** (level_db / 20))


def ramp(start: np.float32, end: np.float32, samples: int) -> np.float32 | np.ndarray:
    """From just after `start` to `end` over one hop, float32 [samples]; the plain number where nothing moves."""
    if start == end:
        return end
    return np.linspace(start, end, samples + 1, dtype=np.float32)[1:]


def limit(y: np.ndarray, gain: np.float32, sample_rate: int) -> np.float32:
    """Hold |y| below the ceiling, in place; what never passes it is left bit for bit.

    The gain comes down over `LIMIT_ATTACK_S` before a peak as far as the hop allows (a peak at the very start of a
    hop is met at once), and goes up again over `LIMIT_RELEASE_S`. All channels share it.

    Parameters
    ----------
    y : float32 [C, T]
    gain : float32
        The gain at the end of the hop before.

    Returns
    -------
    float32
        The gain at the end of this hop.
    """
    needed = np.minimum(LIMIT_CEILING / np.maximum(np.abs(y).max(axis=0), LIMIT_CEILING), np.float32(1))
    if gain == 1 and needed.min() == 1:
        return gain
    index = np.arange(len(needed) + 1, dtype=np.float32)
    up, down = (np.float32(1 / (seconds * sample_rate)) for seconds in (LIMIT_RELEASE_S, LIMIT_ATTACK_S))
    curve = np.concatenate(([gain], needed))
    curve = np.minimum.accumulate(curve - index * up) + index * up
    curve = (np.minimum.accumulate(curve[::-1] - index * down) + index * down)[::-1]
    curve = np.minimum(curve[1:], needed)
    y *= curve
    np.clip(y, -LIMIT_CEILING, LIMIT_CEILING, out=y)  # the rounding of the product
    return np.float32(curve[-1])


def silence_nonfinite(signal: np.ndarray) -> int:
    """Set NaN and infinities to 0, in place; how many there were."""
    finite = np.isfinite(signal)
    if finite.all():
        return 0
    signal[~finite] = 0
    return int(signal.size - finite.sum())


def levels(signal: np.ndarray) -> tuple[float, float]:
    """Peak and root mean square."""
    return float(np.abs(signal).max()), float(np.sqrt(np.mean(np.square(signal, dtype=np.float64))))
