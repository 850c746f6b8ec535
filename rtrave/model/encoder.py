"""Builds RAVE's second encoder ("v2", arXiv 2111.05011 and its later releases)."""

from __future__ import annotations

from torch import nn

from rtrave.layers.activations import LeakyReLU
from rtrave.layers.compose import Named, Sequential, residual
from rtrave.layers.conv import Conv1d
from rtrave.model.spec import NetworkSpec


def encoder_v2(spec: NetworkSpec) -> Named:
    """Bands [B, channels * bands, T] -> mean and scale [B, 2 D, T / prod(ratios)]."""
    norm = spec.weight_norm
    width = spec.capacity
    layers: list[nn.Module] = [Conv1d(spec.bands * spec.channels, width, 2 * spec.kernel_size + 1, weight_norm=norm)]
    for ratio, dilations in zip(spec.ratios, spec.dilations, strict=True):
        layers += [residual(width, spec.kernel_size, dilation, norm) for dilation in dilations]
        layers += [LeakyReLU(), Conv1d(width, 2 * width, 2 * ratio, stride=ratio, weight_norm=norm)]
        width *= 2
    layers += [LeakyReLU(), Conv1d(width, 2 * spec.latent_size, spec.kernel_size, weight_norm=norm)]
    return Named("encoder", Named("net", Sequential(*layers)))
