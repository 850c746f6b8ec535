"""What each regularisation makes of the encoder's raw output, and the form of the latents that musicians know.

Latents are [..., D, N] offline and [..., N, D] in a step; the functions here take the axis of D.
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
SMALLEST_NORM = 1e-12  # what a zero vector is divided by: it stays zero, and never becomes NaN


class Encoder(nn.Module):
    """The encoder's network under RAVE's name, and the quantiser where the model has one."""

    def __init__(self, network: NetworkSpec) -> None:
        super().__init__()
        self.encoder: Named = encoder_network(network)
        if network.regularisation == "discrete":
            self.rvq = ResidualQuantizer(network.quantizers, network.codes, network.latent_size)
        self.regularisation = network.regularisation

    def forward(self, bands: Tensor) -> Tensor:
        """Bands [B, channels * bands, T] -> raw latents [B, outputs * D, N]."""
        return self.encoder(bands)

    def latents(self, raw: Tensor, axis: int) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation of the latents: what the decoder takes when nothing is drawn, and 0 or more."""
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
    """On the unit sphere; the zero vector stays where it is."""
    return z / torch.linalg.vector_norm(z, dim=axis, keepdim=True).clamp(min=SMALLEST_NORM)


def to_angles(z: Tensor) -> Tensor:
    """Unit vectors [B, D, N] -> hyperspherical angles [B, D - 1, N], each scaled to -1 .. 1, finite for the zero
    vector.

    Angle i is arccos(z_i / |z_i .. z_D|), 0 .. pi; the last one goes all the way round.
    """
    remaining = (z**2).flip(1).cumsum(1).flip(1).sqrt().clamp(min=SMALLEST_NORM)
    angles = (z / remaining)[:, :-1].clamp(-1, 1).acos()
    last = torch.where(z[:, -1:] < 0, 2 * math.pi - angles[:, -1:], angles[:, -1:])
    return torch.cat((2 * angles[:, :-1] / math.pi, last / math.pi), dim=1) - 1


def from_angles(angles: Tensor) -> Tensor:
    """The inverse of `to_angles`: [B, D - 1, N] -> unit vectors [B, D, N]."""
    turned = torch.cat(((angles[:, :-1] + 1) * math.pi / 2, (angles[:, -1:] + 1) * math.pi), dim=1)
    ones = torch.ones_like(turned[:, :1])
    sines = torch.cat((ones, turned.sin()), dim=1).cumprod(1)
    return sines * torch.cat((turned.cos(), ones), dim=1)
