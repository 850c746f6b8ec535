"""Latents of a whole sound, hop by hop through the compiled encoder: for calibration and for clips. Needs no torch."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from rtrave.engine.engine import open_engine
from rtrave.errors import RtraveError
from rtrave.sound_file import SoundReader

SILENCE = 10 ** (-70 / 20)  # peak below which a hop counts as silent


def encode_sound(
    graph: Path,
    path: Path,
    *,
    limit_s: float | None = None,
    without_silence: bool = False,
    advance: Callable[[int], object] = lambda samples: None,
) -> np.ndarray:
    """Encode a sound file.

    Parameters
    ----------
    graph : Path
        A folder of the cache.
    path : Path
        A sound file of any format, rate and channel count; filled up to whole hops.
    limit_s : float or None
        A longer sound is refused.
    without_silence : bool
        Leave out the latents of silent hops.
    advance : callable
        Told of the samples done, for a progress bar.

    Returns
    -------
    float32 [D, N]
        The posterior's mean, full space.
    """
    engine = open_engine(graph, offline=True)
    if not engine.dims:
        raise RtraveError("this model has no latents")
    reader = SoundReader(path, engine.sample_rate, engine.spec.channels)
    if limit_s is not None and reader.expected_samples > limit_s * engine.sample_rate:
        raise RtraveError(f"{path.name} is longer than {limit_s:g} s: cut it")
    encoded = []
    for x in reader.hops(engine.hop):
        finite = np.nan_to_num(x, nan=0.0, posinf=0.0, neginf=0.0)
        z = engine.stream.encode(np.repeat(finite[None], engine.stream.batch, axis=0))[0]
        if not without_silence or np.abs(x).max() > SILENCE:
            encoded.append(z)
        advance(engine.hop)
    if not encoded:
        raise RtraveError(f"{path.name} is silent: give a sound with something in it")
    return np.concatenate(encoded, axis=1)
