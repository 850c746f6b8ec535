"""A model's weights as a whole: put in, folded for inference, and known by their hash."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from itertools import pairwise

import torch
from torch import Tensor

from rtrave.errors import RtraveError
from rtrave.layers.activations import Identity
from rtrave.layers.compose import Sequential
from rtrave.layers.conv import Conv1d, Kernel, fold_weight_norm
from rtrave.layers.norm import BatchNorm
from rtrave.model.rave import Model


def folded(model: Model) -> Model:
    """A copy for inference whose weights are plain: the same network without weight norm."""
    plain = Model(model.network.folded, model.name, model.sample_rate, model.source).to(model.latent_mean.dtype)
    plain.load_state_dict(fold_weight_norm(model.state_dict()))
    return plain.eval()


def prepared(
    model: Model, latent_frames: int, dtype: torch.dtype, device: str = "cpu", operators: bool = False
) -> Model:
    """A copy for steps of so many latent frames: weights plain, batch norm in the convolutions before it, and every
    product's matrix made once. What it computes is the same to rounding.

    With `operators` its convolutions are steps of the operator instead, and every signal is [B, 1, T, C].
    """
    plain = folded(model)
    for module in plain.modules():
        if isinstance(module, Sequential):
            _fold_batch_norm(module)
    plain.to(dtype=dtype, device=device)
    for module in plain.modules():
        if isinstance(module, Kernel):
            module.prepare(operators)
    plain.pqmf.prepare(latent_frames * model.network.ratio)
    return plain


@torch.no_grad()
def _fold_batch_norm(layers: Sequential) -> None:
    """Each batch norm becomes the scale and the bias of the convolution that it follows."""
    for index, (conv, norm) in enumerate(pairwise(list(layers))):
        if isinstance(norm, BatchNorm) and isinstance(conv, Conv1d):
            scale, shift = norm.scale_and_shift()
            conv.weight = torch.nn.Parameter(conv.kernel() * scale[:, None, None])
            conv.bias = torch.nn.Parameter(shift if conv.bias is None else conv.bias * scale + shift)
            layers[index + 1] = Identity()


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
