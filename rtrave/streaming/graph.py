"""Builds the compiled graphs of a model: `step`, exported to ONNX with static shapes, states as inputs and outputs.

Run as `python -m rtrave.streaming.graph REQUEST` in a child process, so that a player never imports torch.
"""

from __future__ import annotations

import contextlib
import io
import json
import logging
import math
import sys
import warnings
from dataclasses import asdict, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch
from torch import Tensor, nn

from rtrave.errors import RtraveError
from rtrave.layers.state import State, flatten, unflatten
from rtrave.model.formats.load import load
from rtrave.model.rave import Model
from rtrave.model.weights import fingerprint, prepared
from rtrave.streaming.graph_cache import (
    BUILDER_VERSION,
    MANIFEST,
    GraphShape,
    graph_folder,
    new_folder,
    read_manifest,
)

OPSET = 18
OUTPUTS = {"encoder": ["latent_mean", "latent_std"], "decoder": ["audio"]}


def _inputs(model: Model, part: str, shape: GraphShape) -> dict[str, Tensor]:
    """Inputs of a part before its states, by name: the block, and the random draws a decoder needs."""
    batch, frames = shape.batch, shape.latent_frames
    if part == "encoder":
        return {"x": torch.zeros(batch, frames * model.network.ratio, model.network.channels)}
    shapes = model.draw_shapes().items()
    draws = {kind: torch.zeros(batch, frames * rows, width) for kind, (rows, width) in shapes}
    return {"z": torch.zeros(batch, frames, model.network.latent_size), **draws}


class _Part(nn.Module):
    """One part of a model with its state spread out into a flat list of tensors, as a graph has it."""

    def __init__(self, model: Model, part: str, shape: GraphShape) -> None:
        super().__init__()
        self.model, self.part, self.compensate = model, part, shape.compat != "nn~"
        self.like: State = model.initial_state(part, shape.batch)
        self.kinds = list(model.draw_shapes()) if part == "decoder" else []

    def forward(self, block: Tensor, *others: Tensor) -> tuple[Tensor, ...]:
        drawn, leaves = others[: len(self.kinds)], others[len(self.kinds) :]
        state = unflatten(dict(zip(flatten(self.like), leaves, strict=True)), self.like)
        if self.part == "encoder":
            mean, std, following = self.model.encode_step(block, state)
            outputs: tuple[Tensor, ...] = (mean, std)
        else:
            draws = dict(zip(self.kinds, drawn, strict=True))
            y, following = self.model.decode_step(block, state, draws, self.compensate)
            outputs = (y,)
        return (*outputs, *(flatten(following)[name] for name in flatten(self.like)))


def _export(model: Model, part: str, shape: GraphShape, path: Path) -> None:
    module = _Part(model, part, shape).eval()
    states = flatten(module.like)
    inputs = _inputs(model, part, shape)
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()), torch.no_grad():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module,
            (*inputs.values(), *states.values()),
            path,
            dynamo=True,
            external_data=False,
            opset_version=OPSET,
            input_names=[*inputs, *(f"state.{name}" for name in states)],
            output_names=[*OUTPUTS[part], *(f"next.{name}" for name in states)],
            verbose=False,
        )


def build_graph(model: Model, folder: Path, shape: GraphShape) -> None:
    """Compile a model into `folder`, which appears whole or not at all. Float32, whatever the model's dtype.

    A model that cannot step as finely as the shape asks for is compiled for the least it can.
    """
    shape = replace(shape, latent_frames=math.lcm(shape.latent_frames, model.frames_per_step))
    plain = prepared(model, shape.latent_frames).to(torch.float32)
    manifest: dict[str, Any] = {
        "builder": BUILDER_VERSION,
        "onnxruntime": onnxruntime.__version__,
        "model_hash": fingerprint(model),
        "spec": model.spec.to_json(),
        "shape": asdict(shape),
    }
    with new_folder(folder) as part_folder:
        for part in OUTPUTS:
            _export(plain, part, shape, part_folder / f"{part}.onnx")
        pca, mean = plain.space()
        np.savez(part_folder / "latent_space.npz", pca=pca, mean=mean)
        np.savez(part_folder / "initial_state.npz", allow_pickle=False, **_initial_states(plain, shape))
        (part_folder / MANIFEST).write_text(json.dumps(manifest))


def _initial_states(model: Model, shape: GraphShape) -> dict[str, np.ndarray]:
    """What a stream starts from where that is not zero: learned statistics."""
    states = {
        f"{part}.{name}": leaf.numpy()
        for part in OUTPUTS
        for name, leaf in flatten(model.initial_state(part, shape.batch)).items()
    }
    return {name: leaf for name, leaf in states.items() if leaf.any()}


def ensure_graph_of(model: Model, shape: GraphShape) -> Path:
    """The graph folder of a model in memory, built here where the cache lacks it."""
    if model.decoder.delay(Fraction(0)) % 2 == 0:
        shape = replace(shape, compat=None)  # there is nothing to compensate: one graph serves both
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
