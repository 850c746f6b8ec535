"""Weights of a model: loading, folding for inference, and their hash."""

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
    """Return a copy for inference without weight norm."""
    plain = Model(model.network.folded, model.name, model.sample_rate, model.source).to(model.latent_mean.dtype)
    plain.load_state_dict(fold_weight_norm(model.state_dict()))
    return plain.eval()


def prepared(
    model: Model, latent_frames: int, dtype: torch.dtype, device: str = "cpu", operators: bool = False
) -> Model:
    """Return a copy for steps of `latent_frames`: plain weights, folded batch norm and precomputed matrices.

    Its output is the same to rounding. With `operators` its steps use the convolution operator instead of matrices, and
    every signal is [B, 1, T, C].
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
    """Fold each batch norm into the weights and the bias of the convolution before it."""
    for index, (conv, norm) in enumerate(pairwise(list(layers))):
        if isinstance(norm, BatchNorm) and isinstance(conv, Conv1d):
            scale, shift = norm.scale_and_shift()
            conv.weight = torch.nn.Parameter(conv.kernel() * scale[:, None, None])
            conv.bias = torch.nn.Parameter(shift if conv.bias is None else conv.bias * scale + shift)
            layers[index + 1] = Identity()


def fingerprint(model: Model) -> str:
    """Return the SHA-256 of a model's network, sample rate and weights, in hexadecimal."""
    digest = hashlib.sha256(json.dumps([asdict(model.network), model.sample_rate]).encode())
    for name, value in sorted(model.state_dict().items()):
        digest.update(name.encode())
        digest.update(value.detach().contiguous().numpy().tobytes())
    return digest.hexdigest()


def load_weights(model: Model, state_dict: Mapping[str, Tensor], origin: str) -> None:
    """Load a state dict into a model.

    Parameters
    ----------
    origin : str
        File of the weights, for messages.

    Raises
    ------
    RtraveError
        An entry is missing, unknown, of another shape, or not finite.
    """
    expected = model.state_dict()
    advice = "use the weights and the configuration of one run"
    for name in sorted(expected.keys() | state_dict.keys()):
        if name not in state_dict:
            raise RtraveError(f"'{origin}': expected the entry {name!r}, got none: {advice}")
        if name not in expected:
            raise RtraveError(f"'{origin}': expected the entries of this network, got also {name!r}: {advice}")
        if state_dict[name].shape != expected[name].shape:
            found, fits = tuple(state_dict[name].shape), tuple(expected[name].shape)
            raise RtraveError(f"'{origin}': expected {name!r} of shape {fits}, got {found}: {advice}")
        if not torch.isfinite(state_dict[name]).all():
            raise RtraveError(
                f"'{origin}': expected finite numbers in {name!r}, got NaN or infinity: use an earlier checkpoint"
            )
    model.load_state_dict(state_dict)
