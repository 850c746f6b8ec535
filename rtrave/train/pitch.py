"""Fundamental frequency by YIN (de Cheveigné and Kawahara, JASA 111, 2002).

rtrave has its own implementation because librosa's pYIN needs numba, SciPy and scikit-learn.
"""

from __future__ import annotations

import numpy as np

LOWEST_HZ, HIGHEST_HZ = 38.0, 2200.0
THRESHOLD = 0.15  # normalised difference below which a frame counts as voiced
WINDOW_S = 0.06
HOP_S = 0.01
QUIETEST = 1e-3  # root mean square of a frame below which it counts as unvoiced
CHUNK = 256  # frames computed at once, which bounds the memory


def pitch_hz(x: np.ndarray, sample_rate: int) -> np.ndarray:
    """Estimate the fundamental frequency of [T] in Hz every 10 ms, float64 [frames]; NaN for unvoiced frames."""
    longest = int(sample_rate / LOWEST_HZ) + 2
    window = int(WINDOW_S * sample_rate)
    starts = np.arange(0, max(len(x) - window - longest, 0), int(HOP_S * sample_rate))
    estimates = [np.zeros(0)]
    for chunk in np.split(starts, range(CHUNK, len(starts), CHUNK)):
        frames = np.asarray(x, np.float64)[chunk[:, None] + np.arange(window + longest)]
        estimates.append(_frame_pitches(frames, window, longest, sample_rate))
    return np.concatenate(estimates)


def _frame_pitches(frames: np.ndarray, window: int, longest: int, sample_rate: int) -> np.ndarray:
    """Estimate the pitch in Hz of frames [frames, window + longest], with lags up to `longest` samples."""
    normalised = _normalised_difference(frames, window, longest)
    first = max(int(sample_rate / HIGHEST_HZ), 2)
    lags = np.arange(first, longest - 1)
    current, following = normalised[:, first : longest - 1], normalised[:, first + 1 : longest]
    below = current < THRESHOLD
    reached = np.maximum.accumulate(below, axis=1)
    valley = reached & (current <= following)  # argmax picks the first minimum after the threshold is crossed
    lag = lags[valley.argmax(axis=1)]
    rows = np.arange(len(frames))
    left, middle, right = (normalised[rows, lag + side] for side in (-1, 0, 1))
    curvature = left - 2 * middle + right
    shift = np.where(curvature > 0, (left - right) / (2 * np.where(curvature > 0, curvature, 1)), 0)
    loud = np.sqrt(np.square(frames).mean(axis=1)) > QUIETEST
    voiced = below.any(axis=1) & valley.any(axis=1) & loud
    return np.where(voiced, sample_rate / (lag + shift.clip(-1, 1)), np.nan)


def _normalised_difference(frames: np.ndarray, window: int, longest: int) -> np.ndarray:
    """Return YIN's cumulative mean normalised difference, [frames, lags]; an FFT computes the autocorrelation."""
    size = 1 << (frames.shape[1] + window).bit_length()
    spectra = np.fft.rfft(frames, size) * np.fft.rfft(frames[:, :window], size).conj()
    products = np.fft.irfft(spectra, size)[:, : longest + 1]
    energy = np.pad(np.square(frames).cumsum(axis=1), ((0, 0), (1, 0)))
    powers = energy[:, window : window + longest + 1] - energy[:, : longest + 1]
    difference = np.maximum(powers[:, :1] + powers - 2 * products, 0)
    lags = np.arange(1, longest + 1)
    sums = difference[:, 1:].cumsum(axis=1)
    ones = np.ones((len(frames), 1))
    return np.concatenate((ones, difference[:, 1:] * lags / np.maximum(sums, 1e-20)), axis=1)


def cents_apart(expected_hz: np.ndarray, actual_hz: np.ndarray) -> np.ndarray:
    """Return the absolute pitch difference in cents on the frames that are voiced in both, [frames voiced in both]."""
    both = np.isfinite(expected_hz) & np.isfinite(actual_hz)
    return 1200 * np.abs(np.log2(actual_hz[both] / expected_hz[both]))
