"""A model as two ONNX graphs and a description, to be run by ONNX Runtime alone (see docs/formats.md)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch

from rtrave.backends.cache import CompiledModel
from rtrave.backends.graph_shape import GraphShape, fitting
from rtrave.compiler.graph import describe, part_graph
from rtrave.model.rave import Model
from rtrave.model.weights import prepared

FORMAT, VERSION = "rtrave-onnx", 1
DESCRIPTION = "model.json"
PARTS = ("encoder", "decoder")
SPEC_FIELDS = (
    "name", "architecture", "regularisation", "sample_rate", "ratio", "channels", "latent_size", "full_latent_size",
    "delay", "acoustic_delay", "causal", "fidelity",
)  # fmt: skip


def export_onnx(model: Model, folder: Path, compat: str | None = None) -> list[Path]:
    """Write `encoder.onnx`, `decoder.onnx` and `model.json` into an existing folder; returns their paths.

    The graphs are those that rtrave plays itself before they are fitted to its way of running them: one latent frame
    per run (or the fewest that the model can), batch 1, float32, states as inputs and outputs. `compat="nn~"` as in
    `rtrave.stream`.
    """
    shape = fitting(model, GraphShape(compat=compat))
    plain = prepared(model, shape.latent_frames, torch.float32)
    compiled = describe(model, plain, shape)
    written = []
    for part in PARTS:
        written.append(folder / f"{part}.onnx")
        onnx.save(part_graph(plain, part, shape, images=False), written[-1])
    description = folder / DESCRIPTION
    description.write_text(json.dumps(description_of(compiled, folder), indent=1) + "\n", encoding="utf-8")
    return [*written, description]


def description_of(compiled: CompiledModel, folder: Path) -> dict[str, Any]:
    """Return the description of the graphs in a folder, as JSON."""
    facts = compiled.facts
    spec = facts.spec
    return {
        "format": FORMAT,
        "version": VERSION,
        **{name: getattr(spec, name) for name in SPEC_FIELDS},
        "latent_frames": facts.shape.latent_frames,
        "model_hash": facts.model_hash,
        "latent_pca": facts.latent_pca.tolist(),
        "latent_mean": facts.latent_mean.tolist(),
        "parts": {part: _ports(folder / f"{part}.onnx", part, compiled.initial) for part in PARTS},
    }


def _ports(path: Path, part: str, initial: dict[str, np.ndarray]) -> dict[str, Any]:
    """File, inputs, outputs and states of one graph."""
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    inputs = {port.name: list(port.shape) for port in session.get_inputs()}
    outputs = {port.name: list(port.shape) for port in session.get_outputs()}
    states = []
    for name in inputs:
        if name.startswith("state."):
            stem = name.removeprefix("state.")
            first = initial.get(f"{part}.{stem}")
            start = None if first is None else first.tolist()
            states.append({"input": name, "output": f"next.{stem}", "shape": inputs[name], "initial": start})
    return {
        "file": path.name,
        "inputs": {name: shape for name, shape in inputs.items() if not name.startswith("state.")},
        "outputs": {name: shape for name, shape in outputs.items() if not name.startswith("next.")},
        "states": states,
    }
