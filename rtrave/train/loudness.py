"""How a sound's course of loudness and its air come back: level, attacks, treble. Signals are [T], a second or more."""

from __future__ import annotations

import numpy as np

LOUDNESS_FRAME_S = 0.05
QUIETEST_DB = -50.0  # frames below do not count
FLOOR = 1e-12  # power: what is quieter is -120 dB
ATTACK_FRAME_S = 0.01
ATTACK_FRAMES = 3  # in which the level rises
ATTACK_DB = 10.0  # a rise by so much is an attack
AROUND_FRAMES = 5  # on both sides of an attack without a greater rise
LATE_FRAMES = 2  # by which an attack may come back earlier or later
TREBLE_HZ = 6000.0
SPECTRUM_SAMPLES = 8192


def frame_levels_db(x: np.ndarray, size: int) -> np.ndarray:
    """Of the frames of `size` samples, float64 [frames]."""
    frames = x[: len(x) // size * size].reshape(-1, size)
    return 10 * np.log10(np.square(frames, dtype=np.float64).mean(axis=1) + FLOOR)


def loudness_error_db(expected: np.ndarray, came: np.ndarray, sample_rate: int) -> float:
    """Mean absolute difference of the levels of 50 ms frames; 0 where no frame is louder than -50 dBFS."""
    size = int(LOUDNESS_FRAME_S * sample_rate)
    one, other = frame_levels_db(expected, size), frame_levels_db(came, size)
    loud = one > QUIETEST_DB
    return float(np.abs(one - other)[loud].mean()) if loud.any() else 0.0


def attack_error_db(expected: np.ndarray, came: np.ndarray, sample_rate: int) -> float | None:
    """Mean over the attacks of how much less (below 0) or more the level rises than expected; None without attacks.

    An attack is where the level, held above -50 dBFS, rises by 10 dB or more in 30 ms, most within 50 ms around. It may
    come back up to 20 ms earlier or later.
    """
    size = int(ATTACK_FRAME_S * sample_rate)
    one, other = (_rises(x, size) for x in (expected, came))
    attacks = np.flatnonzero((one >= ATTACK_DB) & (one == _greatest_around(one, AROUND_FRAMES)))
    if not len(attacks):
        return None
    return float((_greatest_around(other, LATE_FRAMES) - one)[attacks].mean())


def _greatest_around(rises: np.ndarray, frames: int) -> np.ndarray:
    """Of each frame and so many on both sides."""
    padded = np.pad(rises, frames, constant_values=-np.inf)
    return np.lib.stride_tricks.sliding_window_view(padded, 2 * frames + 1).max(axis=1)


def _rises(x: np.ndarray, size: int) -> np.ndarray:
    levels = np.maximum(frame_levels_db(x, size), QUIETEST_DB)
    return levels[ATTACK_FRAMES:] - levels[:-ATTACK_FRAMES]


def treble_error_db(expected: np.ndarray, came: np.ndarray, sample_rate: int) -> float:
    """How much more (or less, below 0) power came above 6 kHz than expected: breath, bow and air."""
    one, other = (_treble(x, sample_rate) for x in (expected, came))
    return float(10 * np.log10((other + FLOOR) / (one + FLOOR)))


def _treble(x: np.ndarray, sample_rate: int) -> float:
    """Power above 6 kHz, full scale squared."""
    hann = np.hanning(SPECTRUM_SAMPLES)
    padded = np.pad(x, (0, -len(x) % SPECTRUM_SAMPLES))
    power = np.square(np.abs(np.fft.rfft(padded.reshape(-1, SPECTRUM_SAMPLES) * hann))).mean(axis=0)
    high = np.fft.rfftfreq(SPECTRUM_SAMPLES, 1 / sample_rate) > TREBLE_HZ
    return float(2 * power[high].sum() / (SPECTRUM_SAMPLES * np.square(hann).sum()))
