"""What int8 costs to the ear, on the default model and its demo sound."""

from __future__ import annotations

import numpy as np
import soundfile

import rtrave
from rtrave.settings import DEFAULT_MODEL, assets_dir

WINDOW = 2048
FLOOR = 1e-10  # of the loudest bin: what is quieter is not heard


def spectra(x: np.ndarray) -> np.ndarray:
    """Power spectra of Hann windows, a quarter of a window apart."""
    starts = range(0, len(x) - WINDOW, WINDOW // 4)
    return np.abs(np.fft.rfft([x[start : start + WINDOW] * np.hanning(WINDOW) for start in starts])) ** 2


def log_spectral_distance_db(expected: np.ndarray, came: np.ndarray) -> float:
    """Mean over the windows of the root mean square difference of the spectra in dB."""
    one, other = spectra(expected), spectra(came)
    floor = FLOOR * one.max()
    return float(np.sqrt(np.square(10 * np.log10((one + floor) / (other + floor))).mean(axis=1)).mean())


def measure() -> dict[str, float]:
    """Signal-to-noise ratio and log-spectral distance of int8 against float32, in dB."""
    x, _ = soundfile.read(assets_dir() / "demo.flac", dtype="float32", always_2d=True)
    x = np.pad(x[:, 0], (0, -len(x) % 2048))[None, None]
    exact = rtrave.stream(DEFAULT_MODEL).process(x)[0, 0]
    coarse = rtrave.stream(DEFAULT_MODEL, precision="int8").process(x)[0, 0]
    noise = np.square(exact - coarse).sum()
    return {
        "snr_db": float(10 * np.log10(np.square(exact).sum() / noise)),
        "lsd_db": log_spectral_distance_db(exact, coarse),
    }
