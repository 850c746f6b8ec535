"""Evaluation of a model on sound that it was not trained on: reconstruction, latents and stream.

Every clip is scaled to a peak of 0.8 and reconstructed offline from the mean of the posterior. The reconstruction is
shifted by the filter bank's delay before it is compared, because that delay is inaudible.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch

from rtrave.errors import RtraveError
from rtrave.model.offline import decode_blocks, encode_blocks
from rtrave.model.probe import measure_bank_delay
from rtrave.model.rave import Model
from rtrave.sound_file import SoundReader
from rtrave.streaming.open_stream import stream
from rtrave.train.clip_scores import Clip, Summary, compare, summarise
from rtrave.train.components import PEAK, LatentStatistics, latent_statistics
from rtrave.train.corpus import sound_files

SILENCE_S = 3.0
STREAM_SAMPLES = 400000  # most samples that are played through the live stream
SETTLE_SAMPLES = 16384  # ignored at the start, where stream and offline sound depend on their initial states
SILENCE_DB = -200.0  # stands for digital silence, whose level in dB is infinite


@dataclass(frozen=True)
class StreamFacts:
    """Measurements of the live stream.

    Attributes
    ----------
    error : float
        Largest deviation from the offline sound, relative to its peak.
    silence_dbfs : float
        Peak level of the output for silent input; -200 for digital silence.
    real_time_factor : float
        Duration of a hop divided by the median time that it takes on one core.
    """

    error: float
    silence_dbfs: float
    real_time_factor: float


@dataclass(frozen=True)
class Evaluation:
    """All results of `rtrave evaluate`. The fields are the keys of its JSON.

    Attributes
    ----------
    model : str
        Name of the model.
    clips : tuple of Clip
        In the order of the files.
    groups : dict
        Summary of each folder by its name.
    all : Summary
        Summary of all clips.
    latents : LatentStatistics
    stream : StreamFacts
    """

    model: str
    clips: tuple[Clip, ...]
    groups: dict[str, Summary]
    all: Summary
    latents: LatentStatistics
    stream: StreamFacts

    def to_json(self) -> dict[str, object]:
        """Return the results in plain types."""
        return asdict(self)


def reconstruct(model: Model, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Encode and decode audio float32 [C, T] offline; return the output [C, T] and the latents [D, N]."""
    z = np.concatenate(list(encode_blocks(model, x)), axis=1)
    y = np.concatenate(list(decode_blocks(model, z)), axis=1)
    return y[:, : x.shape[1]], z


def evaluate(
    model: Model,
    paths: Sequence[Path],
    on_start: Callable[[Path], None] = lambda path: None,
    backend: str = "onnx",
    on_clip: Callable[[Clip, np.ndarray, np.ndarray], None] = lambda clip, original, reconstruction: None,
) -> Evaluation:
    """Evaluate a model on sound files.

    Parameters
    ----------
    on_start : callable (path)
        Called before each clip.
    backend : {"onnx", "torch"}
        Backend of the stream.
    on_clip : callable (clip, original, reconstruction)
        Called after each clip with the two aligned sounds that were compared, float32 [C, T].

    Raises
    ------
    RtraveError
        A file cannot be read, is silent or too short, or the model's output is NaN or infinite.
    """
    spec = model.spec
    delay = measure_bank_delay(model, torch.Generator().manual_seed(0)) or 0
    clips, latents, first = [], [], np.zeros((spec.channels, 0), np.float32)
    for path in paths:
        on_start(path)
        x = _read_clip(path, model)
        y, z = reconstruct(model, x)
        if not np.isfinite(y).all():
            raise RtraveError(f"{spec.name}: NaN or infinity in the output for '{path}': run rtrave info on the model")
        latents.append(z)
        original, reconstruction = x[:, : x.shape[1] - delay], y[:, delay:]
        clips.append(compare(original, reconstruction, spec.sample_rate, path.name, path.parent.name))
        on_clip(clips[-1], original, reconstruction)
        first = first if first.size else x
    groups = sorted({clip.group for clip in clips})
    return Evaluation(
        model=spec.name,
        clips=tuple(clips),
        groups={group: summarise(clip for clip in clips if clip.group == group) for group in groups},
        all=summarise(clips),
        latents=latent_statistics(model, np.concatenate(latents, axis=1)),
        stream=stream_facts(model, first, backend),
    )


def _read_clip(path: Path, model: Model) -> np.ndarray:
    """Read a file at the model's rate, scaled to a peak of 0.8: float32 [C, T]."""
    x = np.ascontiguousarray(SoundReader(path, model.spec.sample_rate, model.spec.channels).read().T)
    peak = np.abs(x).max(initial=0)
    for fault, found in (
        ("a shorter one", x.shape[1] < model.spec.sample_rate),
        ("NaN or infinity", not np.isfinite(x).all()),
        ("silence", peak == 0),
    ):
        if found:
            raise RtraveError(f"'{path}': expected a second or more of sound, got {fault}: remove the file")
    return x * np.float32(PEAK / peak)


def stream_facts(model: Model, x: np.ndarray, backend: str) -> StreamFacts:
    """Measure a live stream of float32 [C, T]: deviation from the offline sound, output for silence, and speed.

    Raises
    ------
    RtraveError
        The sound is too short to be compared.
    """
    spec = model.spec
    live = stream(model, backend=backend)
    hop = spec.ratio * model.frames_per_step
    hops = min(x.shape[1], STREAM_SAMPLES) // hop
    blocks, times_s = [], []
    for index in range(hops):
        block = np.ascontiguousarray(x[None, :, index * hop : (index + 1) * hop])
        start_s = time.perf_counter()
        blocks.append(live.process(block)[0])
        times_s.append(time.perf_counter() - start_s)
    streamed = np.concatenate(blocks, axis=1)
    offline, _ = reconstruct(model, x[:, : hops * hop])
    start = -(-SETTLE_SAMPLES // hop) * hop
    expected, actual = offline[:, start : hops * hop - spec.delay], streamed[:, start + spec.delay :]
    if not expected.size:
        raise RtraveError(
            f"stream: expected a first clip of more than {start + spec.delay} samples, got {x.shape[1]}: "
            "give a longer clip"
        )
    silence, _ = reconstruct(model, np.zeros((spec.channels, round(SILENCE_S * spec.sample_rate)), np.float32))
    peak = float(np.abs(silence[:, SETTLE_SAMPLES:]).max())
    return StreamFacts(
        error=float(np.abs(expected - actual).max() / max(np.abs(expected).max(), 1e-9)),
        silence_dbfs=float(20 * np.log10(peak)) if peak > 0 else SILENCE_DB,
        real_time_factor=hop / spec.sample_rate / float(np.median(times_s)),
    )


def clips_in(folder: Path) -> list[Path]:
    """List the sound files of a folder, at any depth; RtraveError if there is none."""
    return sound_files([folder])
