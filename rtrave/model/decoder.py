"""Builds RAVE's second generator ("v2"): the encoder mirrored, with amplitude modulation at its end."""

from __future__ import annotations

from torch import nn

from rtrave.layers.activations import AmplitudeModulation, LeakyReLU
from rtrave.layers.compose import Named, Sequential, residual
from rtrave.layers.conv import Conv1d, ConvTranspose1d
from rtrave.model.spec import NetworkSpec


def generator_v2(spec: NetworkSpec) -> Named:
    """Latents [B, D, N] -> bands [B, channels * bands, N * prod(ratios)]."""
    norm = spec.weight_norm
    width = spec.capacity * 2 ** len(spec.ratios)
    layers: list[nn.Module] = [Conv1d(spec.latent_size, width, spec.kernel_size, weight_norm=norm)]
    for ratio, dilations in zip(reversed(spec.ratios), reversed(spec.dilations), strict=True):
        layers += [LeakyReLU(), ConvTranspose1d(width, width // 2, ratio, weight_norm=norm)]
        width //= 2
        layers += [residual(width, spec.kernel_size, dilation, norm) for dilation in dilations]
    taps = 2 * spec.kernel_size + 1
    layers += [
        LeakyReLU(),
        Conv1d(width, 2 * spec.bands * spec.channels, taps, weight_norm=norm),
        AmplitudeModulation(),
    ]
    return Named("net", Sequential(*layers))
