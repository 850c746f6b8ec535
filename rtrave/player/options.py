"""What a live run is asked for, and what follows from it before anything starts."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from rtrave.backends.facts import ModelFacts
from rtrave.errors import RtraveError
from rtrave.player.monitor import latency_of
from rtrave.settings import assets_dir, clips_dir
from rtrave.sound_file import SoundReader


@dataclass(frozen=True)
class LiveOptions:
    """What a live run is asked for.

    Attributes
    ----------
    graph : Path
        Folder of the compiled graph.
    device : dict
        {"input": D, "output": D}, D an index, a name or None for the default; or {"null": True}.
    buffering : str
        "auto", "direct" or "low-latency".
    block_size : int or None
        Samples per callback.
    latency : "low", "high" or float
        Asked of PortAudio; seconds.
    host_settings : dict
        For the device's host API.
    margin_ms : float or None
        Low-latency: time between a full hop and its output; None measures what the engine needs.
    late : str
        "hold", "dry" or "silence": what is heard in place of a hop that is not there.
    hop : int or None
        Samples that a model takes at once, also one that is loaded later; None is the model's own.
    input_channels : list of list of int or None
        Device channels per model channel, from 0.
    output_channels : list of list of int or None
        Device channels per model channel, from 0.
    second_input : list of list of int or None
        Device channels of the second source, per model channel, from 0; None has none.
    input_file : Path or None
        What the null device loops; None is the demo sound.
    osc_port, osc_bind, osc_targets
        Where OSC listens, and who is told of everything (HOST:PORT).
    osc_allow : sequence of str
        Networks beyond this computer that may use OSCQuery.
    clips_dir : Path
        Where the sounds of the second source are.
    state : Path or None
        Where the last controls and the snapshots are kept; None keeps nothing.
    calibration : Path or None
        Where what is learned from the live input is kept; None keeps nothing.
    record : bool
        Begin a take at once.
    duration_s : float or None
        Stop by itself after so long.
    """

    graph: Path
    device: dict[str, Any]
    sessions_dir: Path
    seed: int = 0
    threads: int = 1
    hop: int | None = None
    buffering: str = "auto"
    block_size: int | None = None
    latency: str | float = "low"
    host_settings: dict[str, Any] = field(default_factory=dict)
    margin_ms: float | None = None
    late: str = "hold"
    input_channels: list[list[int]] | None = None
    output_channels: list[list[int]] | None = None
    second_input: list[list[int]] | None = None
    input_file: Path | None = None
    osc_port: int = 9000
    osc_bind: str = "127.0.0.1"
    osc_targets: Sequence[str] = ()
    osc_allow: Sequence[str] = ()
    clips_dir: Path = field(default_factory=clips_dir)
    state: Path | None = None
    calibration: Path | None = None
    record: bool = False
    duration_s: float | None = None


def null_input(
    input_file: Path | None, sample_rate: int, channels: int, named: Sequence[Sequence[int]], folder: Path
) -> Path:
    """The sound that the null device loops, as an array file the audio process can map.

    It gets as many channels as the model has, and those that are named (from 0); where the sound has fewer, its last
    one is repeated.
    """
    path = input_file or assets_dir() / "demo.flac"
    channels = max(channels, *(1 + channel for several in named for channel in several), 1)
    sound = SoundReader(path, sample_rate, channels).read()
    if not len(sound):
        raise RtraveError(f"{path} holds no sound: give a longer file")
    np.save(folder / f"{path.name}.npy", sound)
    return folder / f"{path.name}.npy"


def session_header(options: LiveOptions, model: ModelFacts, device: dict[str, Any]) -> dict[str, Any]:
    """What a take is told besides its sound: everything that is needed to play it again."""
    latency = latency_of(model.spec, device)
    return {
        "model": {"name": model.spec.name, "hash": model.model_hash, **model.spec.to_json()},
        "seed": options.seed,
        "threads": options.threads,
        "precision": model.shape.precision,
        "streams": model.shape.batch,
        "device": device,
        "latency_ms": {**latency.terms_ms(), "total": latency.total_ms},
        "latency_samples": asdict(latency),
        "versions": {
            "python": platform.python_version(),
            "onnxruntime": onnxruntime.__version__,
            "numpy": np.__version__,
            "machine": platform.machine(),
        },
    }
