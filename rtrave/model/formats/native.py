"""The native file: one `.safetensors`, weights by RAVE's names, one JSON record in the header. No pickle."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor

from rtrave.errors import RtraveError
from rtrave.model.rave import Model
from rtrave.model.registry import read_header
from rtrave.model.spec import ModelSpec
from rtrave.model.weights import load_weights


def save_native(model: Model, path: Path, provenance: str = "", notes: Sequence[str] = (), half: bool = False) -> None:
    """Write a model's network; its discriminator stays out. The file appears whole or not at all.

    `provenance` says in words where it comes from, `notes` what its user must know, a line each. With `half` the
    convolutions' weights are rounded to float16, and the file is half as long; it computes in float32 all the same.
    """
    record = {"format": 1, "spec": model.spec.to_json(), "provenance": provenance, "notes": list(notes)}
    part = path.with_suffix(".part")
    state_dict = {name: _kept(name, value.detach(), half) for name, value in model.state_dict().items()}
    try:
        part.write_bytes(save(state_dict, metadata={"rtrave": json.dumps(record)}))
        part.replace(path)
    except (OSError, SafetensorError) as error:
        raise RtraveError(f"cannot write {path}: {error}") from error


def _kept(name: str, value: Tensor, half: bool) -> Tensor:
    """A tensor as the file holds it. The filter bank, the PCA and all that is small stay exact."""
    rounded = half and name.startswith(("encoder.", "decoder.")) and name.endswith(("weight", "weight_v"))
    return value.to(torch.float16 if rounded else torch.float32).contiguous()


def load_native(path: Path) -> Model:
    """Read a model; one line of `RtraveError` for a damaged or foreign file."""
    record: dict[str, Any] = read_header(path)
    spec = ModelSpec.from_json(record["spec"])
    if spec.network is None:
        raise RtraveError(f"{path} describes no network: import the model again")
    model = Model(spec.network, spec.name, spec.sample_rate, path)
    try:
        state_dict = load_file(path)
    except (OSError, SafetensorError) as error:
        raise RtraveError(f"{path} is damaged ({error}): fetch or import it again") from error
    load_weights(model, state_dict, str(path))
    return model.eval()
