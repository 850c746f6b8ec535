"""How well a model gives back sounds that it has not learned from, and what its latents are worth to a player.

Every clip goes through the model at a peak of .8, by the posterior's mean. What comes is moved by the delay of the
filter bank before it is compared: nobody hears that.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from rtrave.errors import RtraveError
from rtrave.model.offline import decode_blocks, encode_blocks
from rtrave.model.probe import measure_bank_delay
from rtrave.model.rave import Model
from rtrave.sound_file import SoundReader
from rtrave.streaming.open_stream import stream
from rtrave.train.components import PEAK, latent_statistics
from rtrave.train.corpus import sound_files
from rtrave.train.loudness import attack_error_db, loudness_error_db, treble_error_db
from rtrave.train.pitch import cents_apart, pitch_hz
from rtrave.train.spectral import log_spectral_distance_db, spectral_distance

CENTS = 50.0
SILENCE_S = 3.0
STREAM_SAMPLES = 400000  # at most, through the live stream
SETTLE_SAMPLES = 16384  # at the start, where offline and stream come out of another silence, and both out of none
SILENCE_DB = -200.0  # said of what is no number in dB


@dataclass(frozen=True)
class Clip:
    """One sound, expected and given back.

    Attributes
    ----------
    name : str
        Of the file.
    group : str
        Of its folder.
    distance : float
        Multi-scale spectral distance, see `rtrave.train.spectral`.
    lsd_db : float
        Log-spectral distance.
    f0_median_cents, f0_within_50 : float or None
        Median error of the pitch, and the share of frames within 50 cents; None where no frame is voiced in both.
    voiced_both, voiced : int
        Frames (10 ms) voiced in both; voiced in what was expected.
    loudness_error_db : float
        Mean difference of the level of 50 ms frames that are louder than -50 dBFS.
    attack_error_db : float or None
        Mean over the attacks of how much less (below 0) the level rises; None where the original has none.
    treble_error_db : float
        Level above 6 kHz, less that of the original.
    """

    name: str
    group: str
    distance: float
    lsd_db: float
    f0_median_cents: float | None
    f0_within_50: float | None
    voiced_both: int
    voiced: int
    loudness_error_db: float
    attack_error_db: float | None
    treble_error_db: float


def compare(expected: np.ndarray, came: np.ndarray, sample_rate: int, name: str = "", group: str = "") -> Clip:
    """Two sounds float32 [C, T] of one length; pitch, loudness and LSD of their mean over the channels."""
    one, other = expected.mean(axis=0), came.mean(axis=0)
    expected_hz, came_hz = pitch_hz(one, sample_rate), pitch_hz(other, sample_rate)
    cents = cents_apart(expected_hz, came_hz)
    with torch.no_grad():
        distance = float(spectral_distance(torch.from_numpy(expected), torch.from_numpy(came)))
    return Clip(
        name=name,
        group=group,
        distance=distance,
        lsd_db=log_spectral_distance_db(one, other),
        f0_median_cents=float(np.median(cents)) if len(cents) else None,
        f0_within_50=float((cents <= CENTS).mean()) if len(cents) else None,
        voiced_both=len(cents),
        voiced=int(np.isfinite(expected_hz).sum()),
        loudness_error_db=loudness_error_db(one, other, sample_rate),
        attack_error_db=attack_error_db(one, other, sample_rate),
        treble_error_db=treble_error_db(one, other, sample_rate),
    )


def through(model: Model, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Audio float32 [C, T] through the model offline: what comes, [C, T], and the latents [D, N]."""
    z = np.concatenate(list(encode_blocks(model, x)), axis=1)
    y = np.concatenate(list(decode_blocks(model, z)), axis=1)
    return y[:, : x.shape[1]], z


def evaluate(
    model: Model,
    paths: Sequence[Path],
    told: Callable[[Path], None] = lambda path: None,
    backend: str = "onnx",
    heard: Callable[[Clip, np.ndarray, np.ndarray], None] = lambda clip, original, came: None,
) -> dict[str, Any]:
    """Everything about a model, on sound files, in plain types: `clips`, `groups`, `all`, `latents`, `stream`.

    Parameters
    ----------
    told : callable (path)
        Called before each clip.
    backend : {"onnx", "torch"}
        Of the stream.
    heard : callable (clip, original, came)
        Called after each clip, with both sounds as they were compared, float32 [C, T].

    Raises
    ------
    RtraveError
        A file that cannot be read, is silent or too short; a model that gives NaN or infinity.
    """
    spec = model.spec
    delay = measure_bank_delay(model, torch.Generator().manual_seed(0)) or 0
    clips, latents, first = [], [], np.zeros((spec.channels, 0), np.float32)
    for path in paths:
        told(path)
        x = np.ascontiguousarray(SoundReader(path, spec.sample_rate, spec.channels).read().T)
        peak = np.abs(x).max()
        if not np.isfinite(x).all() or peak == 0 or x.shape[1] < spec.sample_rate:
            raise RtraveError(f"{path} is silent, shorter than a second, or holds NaN: leave it out")
        x = x * np.float32(PEAK / peak)
        y, z = through(model, x)
        if not np.isfinite(y).all():
            raise RtraveError(f"{spec.name} makes NaN or infinity of {path}: 'rtrave info' examines the model")
        latents.append(z)
        original, came = x[:, : x.shape[1] - delay], y[:, delay:]
        clips.append(compare(original, came, spec.sample_rate, path.name, path.parent.name))
        heard(clips[-1], original, came)
        first = first if first.size else x
    return {
        "model": spec.name,
        "clips": [asdict(clip) for clip in clips],
        "groups": {group: summary(c for c in clips if c.group == group) for group in sorted({c.group for c in clips})},
        "all": summary(clips),
        "latents": latent_statistics(model, np.concatenate(latents, axis=1)),
        "stream": stream_facts(model, first, backend),
    }


def summary(clips: Iterable[Clip]) -> dict[str, float | None]:
    """Means over clips; of the pitch, weighted by the frames voiced in both."""
    clips = list(clips)
    weights = [clip.voiced_both for clip in clips]
    pitched = [(c.f0_within_50, c.voiced_both) for c in clips if c.f0_within_50 is not None]
    attacks = [c.attack_error_db for c in clips if c.attack_error_db is not None]
    medians = [c.f0_median_cents for c in clips if c.f0_median_cents is not None]
    return {
        "distance": statistics.fmean(c.distance for c in clips),
        "lsd_db": statistics.fmean(c.lsd_db for c in clips),
        "f0_median_cents": statistics.median(medians) if medians else None,
        "f0_within_50": sum(share * n for share, n in pitched) / sum(weights) if pitched else None,
        "voiced_both": sum(weights),
        "voiced": sum(c.voiced for c in clips),
        "loudness_error_db": statistics.fmean(c.loudness_error_db for c in clips),
        "attack_error_db": statistics.fmean(attacks) if attacks else None,
        "treble_error_db": statistics.fmean(c.treble_error_db for c in clips),
    }


def stream_facts(model: Model, x: np.ndarray, backend: str) -> dict[str, float]:
    """Of a live stream of float32 [C, T]: largest deviation from the offline sound relative to its peak, what comes of
    silence, and how many times faster than real time a hop is on one core."""
    spec = model.spec
    live = stream(model, backend=backend)
    hop = spec.ratio * model.frames_per_step
    hops = min(x.shape[1], STREAM_SAMPLES) // hop
    blocks, times_s = [], []
    for index in range(hops):
        block = np.ascontiguousarray(x[None, :, index * hop : (index + 1) * hop])
        before = time.perf_counter()
        blocks.append(live.process(block)[0])
        times_s.append(time.perf_counter() - before)
    streamed = np.concatenate(blocks, axis=1)
    offline, _ = through(model, x[:, : hops * hop])
    start = -(-SETTLE_SAMPLES // hop) * hop
    expected, came = offline[:, start : hops * hop - spec.delay], streamed[:, start + spec.delay :]
    if not expected.size:
        raise RtraveError(f"a clip of {x.shape[1]} samples is too short to hold the stream against: give longer ones")
    silence, _ = through(model, np.zeros((spec.channels, round(SILENCE_S * spec.sample_rate)), np.float32))
    peak = float(np.abs(silence[:, SETTLE_SAMPLES:]).max())
    return {
        "error": float(np.abs(expected - came).max() / max(np.abs(expected).max(), 1e-9)),
        "silence_dbfs": float(20 * np.log10(peak)) if peak > 0 else SILENCE_DB,
        "real_time_factor": hop / spec.sample_rate / float(np.median(times_s)),
    }


def clips_in(folder: Path) -> list[Path]:
    """The sound files of a folder; RtraveError where there is none."""
    return sound_files([folder])
