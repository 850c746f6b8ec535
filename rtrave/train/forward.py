"""The forward pass of a training step: the crops, and their reconstruction by the model."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from rtrave.model.rave import Model


@dataclass(frozen=True)
class ForwardPass:
    """Tensors from which the losses of a step are computed.

    Attributes
    ----------
    expected, output : Tensor
        Audio [B, C, T]: the crops after the filter bank alone, and the model's reconstruction of them.
    expected_bands, output_bands : Tensor
        The same as bands of the output's filter bank.
    mean, std : Tensor
        The posterior, [B, D, N].
    """

    expected: Tensor
    output: Tensor
    expected_bands: Tensor
    output_bands: Tensor
    mean: Tensor
    std: Tensor


def sample_major(x: Tensor) -> Tensor:
    """Return [B, C, T] with the channels of each sample adjacent in memory, the fastest order for convolutions."""
    return x.mT.contiguous().mT


def forward_pass(model: Model, x: Tensor, generator: torch.Generator, bfloat16: bool) -> ForwardPass:
    """Encode and decode audio [B, C, T] with a random draw from the posterior.

    With `bfloat16` the encoder and the decoder compute with 16 bits; the filter banks keep 32.
    """
    with torch.no_grad():
        bands = model.input_bank.analysis(x)
        expected_bands = bands if model.output_bank is model.input_bank else model.output_bank.analysis(x)
        # The networks cannot correct the filter bank's delay and errors, so the expected sound has them, too.
        expected = model.output_bank.synthesis(expected_bands)
    with torch.autocast(x.device.type, torch.bfloat16, enabled=bfloat16):
        mean, std = model.encoder.latents(model.encoder(sample_major(bands)), 1)
        mean, std = mean.float(), std.float()
        z = _append_noise(model, mean + std * _normal(generator, mean.shape), generator)
        output_bands = model.decoder(sample_major(z), _synth_draws(model, generator, x)).float()
    return ForwardPass(expected, model.output_bank.synthesis(output_bands), expected_bands, output_bands, mean, std)


def _normal(generator: torch.Generator, shape: tuple[int, ...]) -> Tensor:
    return torch.randn(shape, generator=generator, device=generator.device)


def _append_noise(model: Model, z: Tensor, generator: torch.Generator) -> Tensor:
    """Append the noise channels that the decoder takes beside the latents [B, D, N], if it takes any."""
    extra = model.network.noise_augmentation
    return torch.cat((z, _normal(generator, (len(z), extra, z.shape[2]))), dim=1) if extra else z


def _synth_draws(model: Model, generator: torch.Generator, x: Tensor) -> Tensor | None:
    """Draw the noise synthesiser's input for audio [B, C, T], uniform in [0, 1); None without a synthesiser."""
    if model.decoder.noise is None:
        return None
    width, per_frame = model.synth_shape
    shape = (len(x), width, x.shape[2] // model.network.ratio * per_frame)
    return torch.rand(shape, generator=generator, device=generator.device)
