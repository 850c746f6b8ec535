"""Compile a model: its `step` as ONNX graphs with static shapes, states as inputs and outputs.

Run as `python -m rtrave.compiler.graph REQUEST` in a child process, so that a player never imports torch.
"""

from __future__ import annotations

import contextlib
import io
import json
import logging
import sys
import warnings
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from torch import Tensor, nn

from rtrave.backends.cache import (
    BUILDER_VERSION,
    MANIFEST,
    CompiledModel,
    graph_folder,
    new_folder,
    read_manifest,
)
from rtrave.backends.facts import BackendKind, ModelFacts
from rtrave.backends.graph_shape import GraphShape, fitting
from rtrave.compiler.passes import PASSES
from rtrave.errors import RtraveError
from rtrave.layers.state import State, flatten, unflatten
from rtrave.model.formats.load import load
from rtrave.model.rave import Model
from rtrave.model.weights import fingerprint, prepared

OPSET = 18
OUTPUTS = {"encoder": ["latent_mean", "latent_std"], "decoder": ["audio"]}


def _inputs(model: Model, part: str, shape: GraphShape) -> dict[str, Tensor]:
    """Return the inputs of a part before its states, by name: the block, and the random draws of a decoder."""
    batch, frames = shape.batch, shape.latent_frames
    if part == "encoder":
        return {"x": torch.zeros(batch, frames * model.network.ratio, model.network.channels)}
    shapes = model.draw_shapes().items()
    draws = {kind: torch.zeros(batch, frames * rows, width) for kind, (rows, width) in shapes}
    return {"z": torch.zeros(batch, frames, model.network.latent_size), **draws}


def _image(value: Tensor, batch: int) -> Tensor:
    """Insert an axis, [B, ...] -> [B, 1, ...]; a stereo filter bank's state has its channels in the batch and stays."""
    return value[:, None] if value.shape[0] == batch else value


class _Part(nn.Module):
    """One part of a model with its state spread out into a flat list of tensors, as a graph has it.

    With `images` every signal is [B, 1, T, C]: see `rtrave.layers.conv.convolved`.
    """

    def __init__(self, model: Model, part: str, shape: GraphShape, images: bool) -> None:
        super().__init__()
        self.model, self.part, self.compensate = model, part, shape.compat != "nn~"
        self.inputs = _inputs(model, part, shape)
        self.like: State = model.initial_state(part, shape.batch)
        if images:
            self.inputs = {name: _image(value, shape.batch) for name, value in self.inputs.items()}
            leaves = {name: _image(leaf, shape.batch) for name, leaf in flatten(self.like).items()}
            self.like = unflatten(leaves, self.like)
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


def part_graph(model: Model, part: str, shape: GraphShape, images: bool) -> onnx.ModelProto:
    """Export one part of a model that `prepared` returned, as a graph.

    Every input, output and state is [B, T, C] or [B, ...]; with `images`, [B, 1, T, C] or [B, 1, ...].
    """
    module = _Part(model, part, shape, images).eval()
    states = flatten(module.like)
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()), torch.no_grad():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            module,
            (*module.inputs.values(), *states.values()),
            dynamo=True,
            opset_version=OPSET,
            input_names=[*module.inputs, *(f"state.{name}" for name in states)],
            output_names=[*OUTPUTS[part], *(f"next.{name}" for name in states)],
            verbose=False,
        )
    if program is None:
        raise RtraveError(f"PyTorch returned no graph of the {part}: report this with the model")
    return program.model_proto


def describe(model: Model, plain: Model, shape: GraphShape) -> CompiledModel:
    """Describe the graphs of a model; `plain` is the model as `prepared` returns it."""
    delay, least = model.encoder_delay(), model.frames_per_step
    facts = ModelFacts(model.spec, fingerprint(model), shape, *plain.space(), delay, least, model.receptive_fields)
    leaves = {part: flatten(plain.initial_state(part, shape.batch)) for part in OUTPUTS}
    initial = {f"{part}.{name}": leaf.numpy() for part in OUTPUTS for name, leaf in leaves[part].items() if leaf.any()}
    states = {part: {name: list(leaf.shape) for name, leaf in leaves[part].items()} for part in OUTPUTS}
    return CompiledModel(facts, initial, states)


def build_graph(
    model: Model, folder: Path, shape: GraphShape, report: Callable[[str], None] = lambda line: None
) -> None:
    """Compile a model into `folder`, which appears whole or not at all, whatever the model's dtype.

    A model that cannot step as finely as the shape requests is compiled for the smallest step that it can take.
    `report` is called with a line of text before each step of the build.
    """
    shape = fitting(model, shape)
    plain = prepared(model, shape.latent_frames, torch.float32, operators=shape.precision == "float32")
    compiled = describe(model, plain, shape)
    facts = compiled.facts
    manifest = {
        "kind": BackendKind.COMPILED,
        "builder": BUILDER_VERSION,
        "onnxruntime": onnxruntime.__version__,
        "model_hash": facts.model_hash,
        "spec": facts.spec.to_json(),
        "shape": asdict(shape),
        "states": compiled.states,
        "encoder_delay": facts.encoder_delay,
        "frames_per_step": facts.frames_per_step,
        "receptive_fields": facts.receptive_fields,
    }
    with new_folder(folder) as part_folder:
        for number, part in enumerate(OUTPUTS, 2):
            report(f"{number} of {len(OUTPUTS) + 1}: the {part}")
            graph = part_graph(plain, part, shape, images=True)
            onnx.save(PASSES[shape.precision](graph), part_folder / f"{part}.onnx")
        np.savez(part_folder / "latent_space.npz", pca=facts.latent_pca, mean=facts.latent_mean)
        np.savez(part_folder / "initial_state.npz", allow_pickle=False, **compiled.initial)
        (part_folder / MANIFEST).write_text(json.dumps(manifest))


def ensure_graph_of(model: Model, shape: GraphShape) -> Path:
    """Return the graph folder of a model in memory; build it here where the cache lacks it."""
    shape = fitting(model, shape)
    folder = graph_folder(fingerprint(model), shape)
    if read_manifest(folder) is None:
        build_graph(model, folder, shape)
    return folder


def main() -> int:
    """Run the child process: compile the model that the request names.

    Progress goes to stdout, line by line; an error is the last line on stderr.
    """
    request = json.loads(sys.argv[1])
    report = partial(print, flush=True)
    try:
        report(f"1 of {len(OUTPUTS) + 1}: reading the model")
        build_graph(load(request["source"]), Path(request["folder"]), GraphShape(**request["shape"]), report)
    except RtraveError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
