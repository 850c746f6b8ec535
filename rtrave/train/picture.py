"""Pictures of clips: the spectrograms of original and reconstruction side by side. Needs matplotlib."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from rtrave.errors import RtraveError
from rtrave.train.spectral import magnitudes

WINDOW = 2048
RANGE_DB = 80.0
INCHES, DOTS_PER_INCH = (10.0, 4.0), 100
SMALLEST = 1e-9


def check_matplotlib() -> None:
    """Raise RtraveError if matplotlib is not installed."""
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise RtraveError(
            "--out: the package matplotlib is missing: install it with pip install 'rtrave[train]'"
        ) from error


def levels_db(x: np.ndarray) -> np.ndarray:
    """Return the spectrogram of audio float32 [C, T] in dB, averaged over the channels: [bins, frames]."""
    powers = magnitudes(torch.from_numpy(np.ascontiguousarray(x)), WINDOW).square().mean(dim=0)
    return np.asarray(10 * np.log10(powers.numpy().T + SMALLEST))


def draw(original: np.ndarray, reconstruction: np.ndarray, sample_rate: int, title: str, path: Path) -> None:
    """Write both spectrograms to one PNG, in dB relative to the original's loudest point.

    Parameters
    ----------
    original, reconstruction : float32 array [C, T]

    Raises
    ------
    RtraveError
        matplotlib is missing, or the file cannot be written.
    """
    check_matplotlib()
    from matplotlib.figure import Figure

    figure = Figure(figsize=INCHES, dpi=DOTS_PER_INCH, layout="constrained")
    sides = figure.subplots(1, 2, sharex=True, sharey=True)
    pictures = [levels_db(x) for x in (original, reconstruction)]
    loudest = float(pictures[0].max())
    extent = (0.0, original.shape[1] / sample_rate, 0.0, sample_rate / 2000)
    for axes, picture, name in zip(sides, pictures, ("original", "reconstruction"), strict=True):
        image = axes.imshow(
            picture - loudest, origin="lower", aspect="auto", extent=extent, cmap="magma", vmin=-RANGE_DB, vmax=0
        )
        axes.set(title=f"{title}: {name}", xlabel="s")
    sides[0].set_ylabel("kHz")
    figure.colorbar(image, ax=sides, label="dB")
    try:
        figure.savefig(path, format="png")
    except OSError as error:
        raise RtraveError(f"cannot write '{path}': {error.strerror or error}") from error
