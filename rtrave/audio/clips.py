"""Clips of the second source: latents from files into the engine. Audio process, any thread but the callback."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rtrave.errors import RtraveError

if TYPE_CHECKING:
    from rtrave.engine.engine import Engine


def load_clips(engine: Engine, paths: Sequence[Path]) -> None:
    """Replace the clips of an engine by these files, in order: .npy, float32 [D, N].

    RtraveError for a file that holds no such latents; the clips of the engine then stay.
    """
    clips = [_read(path, engine.dims) for path in paths]
    for chain in engine.chains:
        chain.clips = clips


def _read(path: Path, dims: int) -> NDArray[np.float32]:
    try:
        latents: NDArray[np.float32] = np.load(path, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise RtraveError(f"cannot read the clip '{path}': {error}") from error
    if latents.dtype != np.float32 or latents.ndim != 2 or latents.shape[0] != dims or not latents.shape[1]:
        raise RtraveError(
            f"clip '{path}': expected float32 [{dims}, N], got {latents.dtype} {list(latents.shape)}: encode it again"
        )
    return latents
