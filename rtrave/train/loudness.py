"""Errors of a reconstruction in level, attacks and treble. Signals are [T], of a second or more."""

from __future__ import annotations

import numpy as np

LOUDNESS_FRAME_S = 0.05
QUIETEST_DB = -50.0  # dBFS: quieter frames do not count
POWER_FLOOR = 1e-12  # limits levels to -120 dB and above
ATTACK_FRAME_S = 0.01
ATTACK_FRAMES = 3  # frames over which a rise of the level is measured
ATTACK_DB = 10.0  # smallest rise that counts as an attack
NEIGHBOUR_FRAMES = 5  # frames on both sides of an attack that hold no greater rise
SHIFT_FRAMES = 2  # frames by which a reconstructed attack may be early or late
TREBLE_HZ = 6000.0
SPECTRUM_SAMPLES = 8192


def frame_levels_db(x: np.ndarray, size: int) -> np.ndarray:
    """Return the level in dBFS of each frame of `size` samples, float64 [frames]."""
    frames = x[: len(x) // size * size].reshape(-1, size)
    return 10 * np.log10(np.square(frames, dtype=np.float64).mean(axis=1) + POWER_FLOOR)


def loudness_error_db(original: np.ndarray, reconstruction: np.ndarray, sample_rate: int) -> float:
    """Return the mean absolute difference of the levels of 50 ms frames, in dB.

    Only frames of the original above -50 dBFS count; 0 if there is none.
    """
    size = int(LOUDNESS_FRAME_S * sample_rate)
    expected, actual = frame_levels_db(original, size), frame_levels_db(reconstruction, size)
    loud = expected > QUIETEST_DB
    return float(np.abs(expected - actual)[loud].mean()) if loud.any() else 0.0


def attack_error_db(original: np.ndarray, reconstruction: np.ndarray, sample_rate: int) -> float | None:
    """Return the mean error of the level's rise at the original's attacks, in dB; None without attacks.

    Below 0 the attacks of the reconstruction are weaker. An attack is a rise of the level, clipped to -50 dBFS from
    below, by at least 10 dB in 30 ms, and the greatest rise within 50 ms on both sides. Its reconstruction may be up
    to 20 ms early or late.
    """
    size = int(ATTACK_FRAME_S * sample_rate)
    expected, actual = (_rises(x, size) for x in (original, reconstruction))
    attacks = np.flatnonzero((expected >= ATTACK_DB) & (expected == _sliding_max(expected, NEIGHBOUR_FRAMES)))
    if not len(attacks):
        return None
    return float((_sliding_max(actual, SHIFT_FRAMES) - expected)[attacks].mean())


def _sliding_max(rises: np.ndarray, frames: int) -> np.ndarray:
    """Return the maximum over each frame and `frames` neighbours on both sides."""
    padded = np.pad(rises, frames, constant_values=-np.inf)
    return np.lib.stride_tricks.sliding_window_view(padded, 2 * frames + 1).max(axis=1)


def _rises(x: np.ndarray, size: int) -> np.ndarray:
    """Return how much the level rises over the three frames from each frame on, in dB."""
    levels = np.maximum(frame_levels_db(x, size), QUIETEST_DB)
    return levels[ATTACK_FRAMES:] - levels[:-ATTACK_FRAMES]


def treble_error_db(original: np.ndarray, reconstruction: np.ndarray, sample_rate: int) -> float:
    """Return the level above 6 kHz (breath, bow noise and air) relative to the original's, in dB."""
    expected, actual = (_treble_power(x, sample_rate) for x in (original, reconstruction))
    return float(10 * np.log10((actual + POWER_FLOOR) / (expected + POWER_FLOOR)))


def _treble_power(x: np.ndarray, sample_rate: int) -> float:
    """Return the mean power above 6 kHz, relative to full scale squared."""
    hann = np.hanning(SPECTRUM_SAMPLES)
    padded = np.pad(x, (0, -len(x) % SPECTRUM_SAMPLES))
    power = np.square(np.abs(np.fft.rfft(padded.reshape(-1, SPECTRUM_SAMPLES) * hann))).mean(axis=0)
    high = np.fft.rfftfreq(SPECTRUM_SAMPLES, 1 / sample_rate) > TREBLE_HZ
    return float(2 * power[high].sum() / (SPECTRUM_SAMPLES * np.square(hann).sum()))
