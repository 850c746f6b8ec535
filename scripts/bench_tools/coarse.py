"""What int8 costs to the ear, on the default model and its demo sound."""

from __future__ import annotations

import numpy as np
import soundfile

import rtrave
from rtrave.settings import DEFAULT_MODEL, assets_dir
from rtrave.train.spectral import log_spectral_distance_db


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
