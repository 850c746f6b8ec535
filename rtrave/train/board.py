"""Reports for TensorBoard, beside the run's own files; tensorboardX writes them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from rtrave.errors import RtraveError

FOLDER = "tensorboard"


def check_board() -> None:
    """RtraveError where tensorboardX is not installed."""
    try:
        import tensorboardX  # noqa: F401
    except ImportError as error:
        raise RtraveError("--tensorboard needs tensorboardX: install it with pip install 'rtrave[train]'") from error


def write_board(run: Path, record: Mapping[str, Any], sounds: Mapping[str, np.ndarray], sample_rate: int) -> None:
    """Write one report as a file of events of its own, so that a kill leaves whole ones.

    Parameters
    ----------
    record : mapping
        A line of the curve: its `step`, and numbers by name.
    sounds : mapping
        Audio float32 [T] by name.

    Raises
    ------
    RtraveError
        The file cannot be written.
    """
    from tensorboardX import SummaryWriter

    step = record["step"]
    try:
        with SummaryWriter(str(run / FOLDER), filename_suffix=f".{step}") as board:
            for name, value in record.items():
                if name != "step":
                    board.add_scalar(name, value, step)
            for name, sound in sounds.items():
                board.add_audio(name, sound, step, sample_rate)
    except OSError as error:
        raise RtraveError(f"cannot write to {run / FOLDER}: {error.strerror or error}") from error
