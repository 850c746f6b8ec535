"""Clips of the second source: latents from files into the engine. Audio process, any thread but the callback's."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rtrave.errors import RtraveError

if TYPE_CHECKING:
    from rtrave.engine.engine import Engine


def load_clips(engine: Engine, paths: Sequence[str]) -> None:
    """Give an engine its clips, in order: float32 .npy of [D, N], in place of those it has.

    RtraveError for a file that holds no such latents; the engine keeps what it has.
    """
    clips = [_read(Path(path), engine.dims) for path in paths]
    for chain in engine.chains:
        chain.clips = clips


def _read(path: Path, dims: int) -> np.ndarray:
    try:
        latents: np.ndarray = np.load(path, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise RtraveError(f"cannot read the clip {path}: {error}") from error
    if latents.dtype != np.float32 or latents.ndim != 2 or latents.shape[0] != dims or not latents.shape[1]:
        raise RtraveError(f"the clip {path} has {latents.dtype} {latents.shape}, expected float32 [{dims}, N]")
    return latents
