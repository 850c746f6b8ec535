"""The reference vectors, and the error they are compared by."""

from pathlib import Path

import numpy as np

DATA = Path(__file__).parent / "data"
CASES = tuple(sorted(path.name for path in DATA.iterdir() if (path / "io.npz").exists()))
# What the references drew: a constant for each kind of noise.
DRAWS = {"synth": 0.75, "augmentation": 0.25, "fill": 0.25}


def constant_noise(kind, latent_frame, shape):
    """The noise source of the references."""
    return np.full(shape, DRAWS[kind], np.float32)


def vectors(case):
    """The arrays of one case by name."""
    with np.load(DATA / case / "io.npz") as file:
        return dict(file)


def peak_error(came, expected):
    """Largest deviation relative to the peak of what was expected; refuses empty comparisons."""
    assert came.shape == expected.shape
    known = np.isfinite(expected)  # the reference's own angles of a zero vector are NaN
    assert known.any()
    assert np.isfinite(came).all()
    came, expected = np.asarray(came)[known], expected[known]
    peak = np.abs(expected).max()
    assert peak > 0
    return float(np.abs(np.asarray(came, np.float64) - expected).max() / peak)
