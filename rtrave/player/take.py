"""Open takes, folders with everything that is needed to play them again. Control process."""

from __future__ import annotations

import platform
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from rtrave.backends.facts import ModelFacts
from rtrave.control.vector import Layout
from rtrave.ipc.device_facts import DeviceFacts
from rtrave.player.latency import latency_of
from rtrave.player.options import LiveOptions
from rtrave.session.writer import SessionWriter


def session_header(options: LiveOptions, model: ModelFacts, device: DeviceFacts) -> dict[str, Any]:
    """Return the facts of a run as `session.json` holds them."""
    latency = latency_of(model.spec, device)
    return {
        "model": {"name": model.spec.name, "hash": model.model_hash, **model.spec.to_json()},
        "seed": options.audio.seed,
        "threads": options.audio.threads,
        "precision": model.shape.precision,
        "streams": model.shape.batch,
        "device": device.to_json(),
        "latency_ms": {**latency.terms_ms(), "total": latency.total_ms},
        "latency_samples": asdict(latency),
        "versions": {
            "python": platform.python_version(),
            "onnxruntime": onnxruntime.__version__,
            "numpy": np.__version__,
            "machine": platform.machine(),
        },
        "log": None if options.log is None else str(options.log),
    }


def new_take(
    folder: Path, options: LiveOptions, model: ModelFacts, device: DeviceFacts, layout: Layout
) -> SessionWriter:
    """Open a take of a model in a new folder; RtraveError where the disk refuses."""
    return SessionWriter(
        folder,
        session_header(options, model, device),
        model.spec.sample_rate,
        model.channels,
        layout.dims,
        model.shape.latent_frames,
        layout,
        second=0 if options.audio.second_input is None else model.channels,
    )
