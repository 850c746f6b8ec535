"""Filters of a new PQMF bank: a cosine-modulated Kaiser prototype (Nguyen 1994; Lin and Vaidyanathan 1998)."""

from __future__ import annotations

import math

import numpy as np

BETA_SLOPE, BETA_START = 0.1102, 8.7  # Kaiser's formula for attenuations above 50 dB
BETA_LOW = (0.5842, 0.4, 0.07886, 21.0)  # and for those from 21 to 50 dB
LENGTH_SLOPE, LENGTH_START = 2.285, 7.95  # Kaiser's formula for the length
GOLDEN = (math.sqrt(5) - 1) / 2
SEARCH_STEPS = 60


def bank_taps(bands: int, attenuation_db: float) -> tuple[int, int]:
    """Return the kernel sizes of analysis and synthesis, padded as in RAVE to a power of two plus one."""
    length = len(prototype(bands, attenuation_db))
    padded = 1 << (length - 1).bit_length()
    return padded + 1, padded // bands + 1


def prototype(bands: int, attenuation_db: float) -> np.ndarray:
    """Return a low-pass filter [taps], odd, with the cutoff at which the sum of the bands is flattest.

    Parameters
    ----------
    bands : int
        2 or more.
    attenuation_db : float
        Attenuation of the stop band, at least 21 dB.
    """
    low, high = 0.25 / bands, 1.0 / bands  # of half the sample rate, around half a band
    for _ in range(SEARCH_STEPS):
        left, right = high - GOLDEN * (high - low), low + GOLDEN * (high - low)
        if _ripple(_kaiser(left, attenuation_db), bands) < _ripple(_kaiser(right, attenuation_db), bands):
            high = right
        else:
            low = left
    return _kaiser((low + high) / 2, attenuation_db, _length((low + high) / 2, attenuation_db))


def _length(cutoff: float, attenuation_db: float) -> int:
    taps = math.ceil((attenuation_db - LENGTH_START) / (LENGTH_SLOPE * math.pi * cutoff) + 1)
    return 2 * (taps // 2) + 1


def _kaiser(cutoff: float, attenuation_db: float, taps: int = 0) -> np.ndarray:
    taps = taps or _length(cutoff, attenuation_db)
    if attenuation_db > 50:
        beta = BETA_SLOPE * (attenuation_db - BETA_START)
    else:
        slope, power, linear, start = BETA_LOW
        beta = slope * (attenuation_db - start) ** power + linear * (attenuation_db - start)
    n = np.arange(taps) - (taps - 1) / 2
    return cutoff * np.sinc(cutoff * n) * np.kaiser(taps, beta)


def _ripple(filter_taps: np.ndarray, bands: int) -> float:
    """Return how far the autocorrelation, sampled every 2 * bands, deviates from a pulse of 0.5 / bands."""
    products = np.convolve(filter_taps, filter_taps[::-1])
    middle = len(products) // 2
    return float(np.abs(products[middle + 2 * bands :: 2 * bands]).max(initial=0) + abs(products[middle] - 0.5 / bands))


def bank_weights(bands: int, attenuation_db: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the weights of both convolutions, float32: analysis [bands, 1, taps], synthesis [bands, bands, taps']."""
    low_pass = prototype(bands, attenuation_db)
    k, n = np.arange(bands)[:, None], np.arange(len(low_pass)) - (len(low_pass) - 1) / 2
    modulated = 2 * low_pass * np.cos((2 * k + 1) * math.pi / (2 * bands) * n + (-1.0) ** k * math.pi / 4)
    padded = 1 << (len(low_pass) - 1).bit_length()
    left = (padded - len(low_pass)) // 2
    filters = np.pad(modulated, ((0, 0), (left, padded - len(low_pass) - left)))
    analysis = np.pad(filters, ((0, 0), (0, 1)))[:, None]
    phases = filters[:, ::-1].reshape(bands, -1, bands).transpose(2, 0, 1)  # [phase, band, tap]
    synthesis = np.pad(phases, ((0, 0), (0, 0), (1, 0)))
    return analysis.astype(np.float32), synthesis.astype(np.float32)
