"""RAVE's encoders, built from their specs (arXiv 2111.05011 and its later releases)."""

from __future__ import annotations

from fractions import Fraction

from torch import nn

from rtrave.layers.activations import LeakyReLU, Snake
from rtrave.layers.compose import Named, Sequential, dilated_unit, residual
from rtrave.layers.conv import Conv1d, padding
from rtrave.layers.norm import AdaIN, BatchNorm
from rtrave.layers.state import streaming
from rtrave.model.spec import NetworkSpec

OUTPUTS = {"variational": 2, "wasserstein": 1, "spherical": 1, "discrete": 1}  # mean and scale, or the latent only


def activation(name: str, channels: int) -> nn.Module:
    """Return a new activation layer."""
    return Snake(channels) if name == "snake" else LeakyReLU()


def encoder_network(network: NetworkSpec) -> Named:
    """Return the network from bands [B, channels * bands, T] to raw latents [B, outputs * D, T / prod(ratios)]."""
    build = _version_1 if network.encoder.version == 1 else _version_2
    return Named("net", Sequential(*build(network)))


def _version_1(network: NetworkSpec) -> list[nn.Module]:
    spec, mode, norm = network.encoder, network.padding, False
    width, outputs = spec.capacity, OUTPUTS[network.regularisation]
    layers: list[nn.Module] = [Conv1d(network.input_bands * network.channels, width, 7, mode=mode, weight_norm=norm)]
    late = streaming(layers[0]).delay(Fraction(0))
    for ratio in spec.ratios:
        # Upstream delays the input of each stride so that the delay so far is a multiple of the stride.
        align = int(-(late + padding(2 * ratio + 1, 1, mode)[1]) % ratio)
        down = Conv1d(width, 2 * width, 2 * ratio + 1, stride=ratio, mode=mode, weight_norm=norm, align=align)
        late = down.delay(late)
        layers += [BatchNorm(width), LeakyReLU(), down]
        width *= 2
    last = Conv1d(width, outputs * network.latent_size, 5, mode=mode, weight_norm=norm, groups=outputs)
    return [*layers, LeakyReLU(), last]


def _version_2(network: NetworkSpec) -> list[nn.Module]:
    spec, mode, norm = network.encoder, network.padding, network.encoder.weight_norm
    width = spec.capacity
    frame = network.ratio // network.input_bands
    first = Conv1d(network.input_bands * network.channels, width, 2 * spec.kernel_size + 1, mode=mode, weight_norm=norm)
    layers: list[nn.Module] = [first]
    for ratio, dilations in zip(spec.ratios, spec.dilations, strict=True):
        for dilation in dilations:
            layers += [AdaIN(width, frame)] if spec.adain else []
            unit = Named("net", dilated_unit(width, (spec.kernel_size, 1), dilation, mode, norm))
            layers.append(residual(unit, width))
        wider = width * (ratio if spec.keep_dim else 2)
        layers += [activation(spec.activation, width)]
        layers += [Conv1d(width, wider, 2 * ratio, stride=ratio, mode=mode, weight_norm=norm)]
        width, frame = wider, frame // ratio
    raw = OUTPUTS[network.regularisation] * network.latent_size
    last = Conv1d(width, raw, spec.kernel_size, mode=mode, weight_norm=norm)
    return [*layers, activation(spec.activation, width), last]
