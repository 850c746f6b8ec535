"""Regularisations: latents from the raw output of the encoder, and the angles of spherical latents.

Latents are [..., D, N] offline and [..., N, D] in a step; the functions take the axis of D.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from rtrave.layers.compose import Named
from rtrave.layers.quantize import ResidualQuantizer
from rtrave.model.encoder import encoder_network
from rtrave.model.spec import NetworkSpec

MINIMUM_STD = 1e-4
SMALLEST_NORM = 1e-12  # divisor of the zero vector, which stays zero instead of becoming NaN


class Encoder(nn.Module):
    """Encoder network under RAVE's name, with the quantiser of discrete models."""

    def __init__(self, network: NetworkSpec) -> None:
        super().__init__()
        self.encoder: Named = encoder_network(network)
        if network.regularisation == "discrete":
            self.rvq = ResidualQuantizer(network.quantizers, network.codes, network.latent_size)
        self.regularisation = network.regularisation

    def forward(self, bands: Tensor) -> Tensor:
        """Encode bands [B, channels * bands, T] as raw latents [B, outputs * D, N]."""
        return self.encoder(bands)

    def latents(self, raw: Tensor, axis: int) -> tuple[Tensor, Tensor]:
        """Return mean and standard deviation of the latents; without sampling, the mean is the input of the decoder."""
        if self.regularisation == "variational":
            mean, scale = raw.chunk(2, dim=axis)
            return mean, functional.softplus(scale) + MINIMUM_STD
        if self.regularisation == "spherical":
            z = unit_vector(raw, axis)
        elif self.regularisation == "discrete":
            rows = raw.movedim(axis, -1)
            z = self.rvq.decode(self.rvq.encode(rows)).movedim(-1, axis)
        else:
            z = raw
        return z, torch.zeros_like(z)


def unit_vector(z: Tensor, axis: int) -> Tensor:
    """Return vectors of length 1; the zero vector stays zero."""
    return z / torch.linalg.vector_norm(z, dim=axis, keepdim=True).clamp(min=SMALLEST_NORM)


def to_angles(z: Tensor) -> Tensor:
    """Convert unit vectors [B, D, N] to hyperspherical angles [B, D - 1, N], each scaled to -1 .. 1.

    Before scaling, angle i is arccos(z_i / norm(z_i, ..., z_D)), from 0 to pi; the last is from 0 to 2 pi. The zero
    vector gives finite angles.
    """
    remaining = (z**2).flip(1).cumsum(1).flip(1).sqrt().clamp(min=SMALLEST_NORM)
    angles = (z / remaining)[:, :-1].clamp(-1, 1).acos()
    last = torch.where(z[:, -1:] < 0, 2 * math.pi - angles[:, -1:], angles[:, -1:])
    return torch.cat((2 * angles[:, :-1] / math.pi, last / math.pi), dim=1) - 1


def from_angles(angles: Tensor) -> Tensor:
    """Invert `to_angles`: angles [B, D - 1, N] to unit vectors [B, D, N]."""
    turned = torch.cat(((angles[:, :-1] + 1) * math.pi / 2, (angles[:, -1:] + 1) * math.pi), dim=1)
    ones = torch.ones_like(turned[:, :1])
    sines = torch.cat((ones, turned.sin()), dim=1).cumprod(1)
    return sines * torch.cat((turned.cos(), ones), dim=1)
