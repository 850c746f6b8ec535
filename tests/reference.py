"""The reference vectors, and the error they are compared by."""

from pathlib import Path

import numpy as np

DATA = Path(__file__).parent / "data"
CASES = ("v2_causal", "v2_causal_stereo_48k")


def vectors(case):
    """The arrays of one case by name."""
    with np.load(DATA / case / "io.npz") as file:
        return dict(file)


def peak_error(came, expected):
    """Largest deviation relative to the peak of what was expected; refuses empty comparisons."""
    assert came.shape == expected.shape
    assert expected.size
    peak = np.abs(expected).max()
    assert peak > 0
    return float(np.abs(np.asarray(came, np.float64) - expected).max() / peak)
