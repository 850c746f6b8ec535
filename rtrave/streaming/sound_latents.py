"""Latents of a sound file, hop by hop through the compiled encoder: for calibration and clips. Needs no torch."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from rtrave.backends.opening import open_blocking
from rtrave.errors import RtraveError
from rtrave.model.latent_space import seeded_noise
from rtrave.sound_file import SoundReader
from rtrave.streaming.stream import Stream

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
        A longer sound is an RtraveError.
    without_silence : bool
        Leave out the latents of silent hops.
    advance : callable
        Called with the samples done, for a progress bar.

    Returns
    -------
    float32 [D, N]
        The posterior's mean, full space.
    """
    stream = Stream(open_blocking(graph), seeded_noise(0))
    spec, hop = stream.spec, stream.hop
    if not spec.full_latent_size:
        raise RtraveError(f"expected a model with latents, got {spec.name}, which has none: use another model")
    reader = SoundReader(path, spec.sample_rate, spec.channels)
    if limit_s is not None and reader.expected_samples > limit_s * spec.sample_rate:
        seconds = reader.expected_samples / spec.sample_rate
        raise RtraveError(f"'{path.name}': expected at most {limit_s:g} s, got {seconds:.0f} s: cut it")
    encoded = []
    for x in reader.hops(hop):
        finite = np.nan_to_num(x, nan=0.0, posinf=0.0, neginf=0.0)
        z = stream.encode(np.repeat(finite[None], stream.batch, axis=0))[0]
        if not without_silence or np.abs(x).max() > SILENCE:
            encoded.append(z)
        advance(hop)
    if not encoded:
        raise RtraveError(f"'{path.name}': expected sound, got silence: use another file")
    return np.concatenate(encoded, axis=1)
