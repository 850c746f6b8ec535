"""Training reports for TensorBoard, in the run's folder; tensorboardX writes them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from rtrave.errors import RtraveError

FOLDER = "tensorboard"


def check_board() -> None:
    """Raise RtraveError if tensorboardX is not installed."""
    try:
        import tensorboardX  # noqa: F401
    except ImportError as error:
        raise RtraveError(
            "--tensorboard: the package tensorboardX is missing: install it with pip install 'rtrave[train]'"
        ) from error


def write_board(
    run: Path, step: int, scalars: Mapping[str, float], sounds: Mapping[str, np.ndarray], sample_rate: int
) -> None:
    """Write one report to an event file of its own, so that a killed run leaves complete files.

    Parameters
    ----------
    step : int
        The training step that the report describes.
    scalars : mapping
        Numbers by name.
    sounds : mapping
        Audio float32 [T] by name.

    Raises
    ------
    RtraveError
        The file cannot be written.
    """
    from tensorboardX import SummaryWriter

    try:
        with SummaryWriter(str(run / FOLDER), filename_suffix=f".{step}") as board:
            for name, value in scalars.items():
                board.add_scalar(name, value, step)
            for name, sound in sounds.items():
                board.add_audio(name, sound, step, sample_rate)
    except OSError as error:
        raise RtraveError(f"cannot write to '{run / FOLDER}': {error.strerror or error}") from error
