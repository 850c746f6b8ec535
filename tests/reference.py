"""Reference vectors, and the error against them."""

from pathlib import Path

import numpy as np

DATA = Path(__file__).parent / "data"
CASES = tuple(sorted(path.name for path in DATA.iterdir() if (path / "io.npz").exists()))
# Draws of the references: a constant for each kind of noise.
DRAWS = {"synth": 0.75, "augmentation": 0.25, "fill": 0.25}


def constant_noise(kind, latent_frame, shape):
    """Return the draws of the references: a `NoiseSource`."""
    return np.full(shape, DRAWS[kind], np.float32)


def vectors(case):
    """Return the arrays of one case by name."""
    with np.load(DATA / case / "io.npz") as file:
        return dict(file)


def peak_error(output, expected):
    """Return the largest deviation, relative to the peak of `expected`; empty comparisons fail."""
    assert output.shape == expected.shape
    known = np.isfinite(expected)  # the reference's own angles of a zero vector are NaN
    assert known.any()
    assert np.isfinite(output).all()
    output, expected = np.asarray(output)[known], expected[known]
    peak = np.abs(expected).max()
    assert peak > 0
    return float(np.abs(np.asarray(output, np.float64) - expected).max() / peak)
