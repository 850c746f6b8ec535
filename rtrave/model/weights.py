"""A model's weights as a whole: put in, folded for inference, and known by their hash."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict

import torch
from torch import Tensor

from rtrave.errors import RtraveError
from rtrave.layers.conv import fold_weight_norm
from rtrave.model.rave import Model


def folded(model: Model) -> Model:
    """A copy for inference whose weights are plain: the same network without weight norm."""
    plain = Model(model.network.folded, model.name, model.sample_rate, model.source)
    plain.load_state_dict(fold_weight_norm(model.state_dict()))
    return plain.to(model.latent_mean.dtype).eval()


def fingerprint(model: Model) -> str:
    """SHA-256 of the network's shape and weights, in hexadecimal."""
    digest = hashlib.sha256(json.dumps([asdict(model.network), model.sample_rate]).encode())
    for name, value in sorted(model.state_dict().items()):
        digest.update(name.encode())
        digest.update(value.detach().contiguous().numpy().tobytes())
    return digest.hexdigest()


def load_weights(model: Model, state_dict: Mapping[str, Tensor], origin: str) -> None:
    """Put a state dict into a model; refuse what is missing, unknown, of another shape or not finite, in one line."""
    expected = model.state_dict()
    for name in sorted(expected.keys() | state_dict.keys()):
        if name not in state_dict or name not in expected:
            verb = "lacks" if name in expected else "has an unknown entry"
            raise RtraveError(f"{origin} {verb} {name!r}: it does not belong to this configuration")
        if state_dict[name].shape != expected[name].shape:
            came, fits = tuple(state_dict[name].shape), tuple(expected[name].shape)
            raise RtraveError(f"{origin}: {name!r} has the shape {came}, {fits} was expected: wrong configuration")
        if not torch.isfinite(state_dict[name]).all():
            raise RtraveError(
                f"{origin}: {name!r} holds NaN or infinity: the training broke, take an earlier checkpoint"
            )
    model.load_state_dict(state_dict)
