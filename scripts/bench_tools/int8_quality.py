"""Error of int8 weights in the output of the default model for the demo sound."""

from __future__ import annotations

import numpy as np
import soundfile

import rtrave
from rtrave.settings import DEFAULT_MODEL, assets_dir
from rtrave.train.spectral import log_spectral_distance_db


def measure() -> dict[str, float]:
    """Return the signal-to-noise ratio and the log-spectral distance of int8 from float32, in dB."""
    x, _ = soundfile.read(assets_dir() / "demo.flac", dtype="float32", always_2d=True)
    x = np.pad(x[:, 0], (0, -len(x) % 2048))[None, None]
    float32 = rtrave.stream(DEFAULT_MODEL).process(x)[0, 0]
    int8 = rtrave.stream(DEFAULT_MODEL, precision="int8").process(x)[0, 0]
    noise = np.square(float32 - int8).sum()
    return {
        "snr_db": float(10 * np.log10(np.square(float32).sum() / noise)),
        "lsd_db": log_spectral_distance_db(float32, int8),
    }
