"""Native format: one `.safetensors` with weights by RAVE's names and a JSON record in the header. No pickle."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

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
    """Write the network of a model, without its discriminator. The file appears whole or not at all.

    Parameters
    ----------
    provenance : str
        Origin of the model, in words.
    notes : sequence of str
        Facts that users must know, one line each.
    half : bool
        Round the weights of the convolutions to float16, which halves the file. The model still computes in float32.

    Raises
    ------
    RtraveError
        The file cannot be written.
    """
    record = {"format": 1, "spec": model.spec.to_json(), "provenance": provenance, "notes": list(notes)}
    part = path.with_suffix(".part")
    state_dict = {name: _stored(name, value.detach(), half) for name, value in model.state_dict().items()}
    try:
        part.write_bytes(save(state_dict, metadata={"rtrave": json.dumps(record)}))
        part.replace(path)
    except (OSError, SafetensorError) as error:
        raise RtraveError(f"cannot write '{path}': {error}") from error


def _stored(name: str, value: Tensor, half: bool) -> Tensor:
    """Return a tensor as the file stores it. The filter bank, the PCA and small tensors stay exact."""
    rounded = half and name.startswith(("encoder.", "decoder.")) and name.endswith(("weight", "weight_v"))
    return value.to(torch.float16 if rounded else torch.float32).contiguous()


def load_native(path: Path) -> Model:
    """Read a model; RtraveError for a damaged file or one of another kind."""
    spec = ModelSpec.from_json(read_header(path)["spec"])
    if spec.network is None:
        raise RtraveError(f"'{path}': expected a model with its network, got none: import it again")
    model = Model(spec.network, spec.name, spec.sample_rate, path)
    try:
        state_dict = load_file(path)
    except (OSError, SafetensorError) as error:
        raise RtraveError(f"'{path}': expected a model, got a damaged file ({error}): import it again") from error
    load_weights(model, state_dict, str(path))
    return model.eval()
