"""Builds the compiled graphs of a model: `step`, exported to ONNX with static shapes, states as inputs and outputs.

Run as `python -m rtrave.streaming.graph REQUEST` in a child process, so that a player never imports torch.
"""

from __future__ import annotations

import contextlib
import io
import json
import logging
import sys
import warnings
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch
from torch import Tensor, nn

from rtrave.errors import RtraveError
from rtrave.layers.state import State, flatten, unflatten
from rtrave.model.formats.load import load
from rtrave.model.rave import Model, fingerprint, folded
from rtrave.streaming.graph_cache import (
    BUILDER_VERSION,
    MANIFEST,
    GraphShape,
    graph_folder,
    new_folder,
    read_manifest,
)

OPSET = 18
# inputs and outputs of each part, before the states
PORTS = {"encoder": (["x"], ["mean", "std"]), "decoder": (["z"], ["y"])}


class _Part(nn.Module):
    """One part of a model with its state spread out into a flat list of tensors, as a graph has it."""

    def __init__(self, model: Model, part: str, shape: GraphShape) -> None:
        super().__init__()
        self.model, self.part, self.compensate = model, part, shape.compat != "nn~"
        self.like: State = model.initial_state(part, shape.batch)

    def forward(self, block: Tensor, *leaves: Tensor) -> tuple[Tensor, ...]:
        state = unflatten(dict(zip(flatten(self.like), leaves, strict=True)), self.like)
        if self.part == "encoder":
            mean, std, following = self.model.encode_step(block, state)
            return (mean, std, *flatten(following).values())
        y, following = self.model.decode_step(block, state, self.compensate)
        return (y, *flatten(following).values())


def _export(model: Model, part: str, shape: GraphShape, path: Path) -> None:
    module = _Part(model, part, shape).eval()
    states = flatten(module.like)
    width = model.network.channels if part == "encoder" else model.network.latent_size
    time = shape.latent_frames * (model.network.ratio if part == "encoder" else 1)
    inputs, outputs = PORTS[part]
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()), torch.no_grad():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module,
            (torch.zeros(shape.batch, time, width), *states.values()),
            path,
            dynamo=True,
            external_data=False,
            opset_version=OPSET,
            input_names=[*inputs, *(f"state.{name}" for name in states)],
            output_names=[*outputs, *(f"next.{name}" for name in states)],
            verbose=False,
        )


def build_graph(model: Model, folder: Path, shape: GraphShape) -> None:
    """Compile a model into `folder`, which appears whole or not at all. Float32, whatever the model's dtype."""
    plain = folded(model).to(torch.float32)
    manifest: dict[str, Any] = {
        "builder": BUILDER_VERSION,
        "onnxruntime": onnxruntime.__version__,
        "model_hash": fingerprint(model),
        "spec": model.spec.to_json(),
        "shape": asdict(shape),
    }
    with new_folder(folder) as part_folder:
        for part in PORTS:
            _export(plain, part, shape, part_folder / f"{part}.onnx")
        np.savez(part_folder / "latent_space.npz", pca=plain.latent_pca.numpy(), mean=plain.latent_mean.numpy())
        (part_folder / MANIFEST).write_text(json.dumps(manifest))


def ensure_graph_of(model: Model, shape: GraphShape) -> Path:
    """The graph folder of a model in memory, built here where the cache lacks it."""
    folder = graph_folder(fingerprint(model), shape)
    if read_manifest(folder) is None:
        build_graph(model, folder, shape)
    return folder


def main() -> int:
    """The child process: compile what the request names; the last line on stderr says what went wrong."""
    request = json.loads(sys.argv[1])
    try:
        build_graph(load(request["source"]), Path(request["folder"]), GraphShape(**request["shape"]))
    except RtraveError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
