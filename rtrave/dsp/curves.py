"""Curve of short fades."""

from __future__ import annotations

import numpy as np


def raised_cosine(samples: int) -> np.ndarray:
    """Return a rise from just above 0 to just below 1, flat at both ends, float32 [samples]; reversed it falls."""
    return (0.5 - 0.5 * np.cos(np.pi * (np.arange(samples) + 1) / (samples + 1))).astype(np.float32)
