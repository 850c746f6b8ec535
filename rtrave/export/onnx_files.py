"""Export of a model as two ONNX graphs and a description, which ONNX Runtime alone can run (see docs/formats.md)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

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


@dataclass(frozen=True)
class StatePort:
    """A state of a graph. The fields are keys of `model.json`.

    Attributes
    ----------
    input, output : str
        Names of the graph's input, and of the output that holds its next value.
    shape : list of int
    initial : nested list of float or None
        The first value; None for zeros.
    """

    input: str
    output: str
    shape: list[int]
    initial: list[object] | None


@dataclass(frozen=True)
class GraphPorts:
    """A graph's file, and the shapes of its inputs and outputs by name. The fields are keys of `model.json`."""

    file: str
    inputs: dict[str, list[int]]
    outputs: dict[str, list[int]]
    states: list[StatePort]


def export_onnx(model: Model, folder: Path, compat: str | None = None) -> list[Path]:
    """Write `encoder.onnx`, `decoder.onnx` and `model.json` to an existing folder, and return their paths.

    A run of a graph takes one latent frame, or the fewest that the model can take. Batch 1, float32, states as inputs
    and outputs. The graphs are those of rtrave before it optimises them for its own runs. `compat="nn~"` as in
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


def description_of(compiled: CompiledModel, folder: Path) -> dict[str, object]:
    """Describe the graphs in a folder, as the content of `model.json`."""
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
        "parts": {part: asdict(_ports(folder / f"{part}.onnx", part, compiled.initial)) for part in PARTS},
    }


def _ports(path: Path, part: str, initial: Mapping[str, np.ndarray]) -> GraphPorts:
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    inputs = {port.name: list(port.shape) for port in session.get_inputs()}
    outputs = {port.name: list(port.shape) for port in session.get_outputs()}
    states = []
    for name in inputs:
        if name.startswith("state."):
            stem = name.removeprefix("state.")
            first = initial.get(f"{part}.{stem}")
            states.append(StatePort(name, f"next.{stem}", inputs[name], None if first is None else first.tolist()))
    return GraphPorts(
        file=path.name,
        inputs={name: shape for name, shape in inputs.items() if not name.startswith("state.")},
        outputs={name: shape for name, shape in outputs.items() if not name.startswith("next.")},
        states=states,
    )
