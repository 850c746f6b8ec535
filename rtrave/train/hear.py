"""What a step of training hears: its crops, and what the model makes of them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from rtrave.model.rave import Model


@dataclass(frozen=True)
class Heard:
    """What a step is judged by: audio [B, C, T] and its bands, as expected and as the model made them, and the
    posterior [B, D, N]."""

    expected: Tensor
    came: Tensor
    wanted: Tensor
    made: Tensor
    mean: Tensor
    std: Tensor


def sample_major(x: Tensor) -> Tensor:
    """The same [B, C, T] with all channels of a sample side by side in memory, as convolutions are fastest."""
    return x.mT.contiguous().mT


def hear(model: Model, x: Tensor, generator: torch.Generator, bfloat16: bool) -> Heard:
    """Audio [B, C, T] through the model, by a draw from the posterior; the networks compute with 16 bits if told so."""
    with torch.no_grad():
        bands = model.input_bank.analysis(x)
        wanted = bands if model.output_bank is model.input_bank else model.output_bank.analysis(x)
        expected = model.output_bank.synthesis(wanted)  # the bank's own delay and errors are nobody's fault
    with torch.autocast(x.device.type, torch.bfloat16, enabled=bfloat16):
        mean, std = model.encoder.latents(model.encoder(sample_major(bands)), 1)
        mean, std = mean.float(), std.float()
        z = _for_decoder(model, mean + std * _normal(generator, mean.shape), generator)
        made = model.decoder(sample_major(z), _synth_draws(model, generator, x)).float()
    return Heard(expected, model.output_bank.synthesis(made), wanted, made, mean, std)


def _normal(generator: torch.Generator, shape: tuple[int, ...]) -> Tensor:
    return torch.randn(shape, generator=generator, device=generator.device)


def _for_decoder(model: Model, z: Tensor, generator: torch.Generator) -> Tensor:
    extra = model.network.noise_augmentation
    return torch.cat((z, _normal(generator, (len(z), extra, z.shape[2]))), dim=1) if extra else z


def _synth_draws(model: Model, generator: torch.Generator, x: Tensor) -> Tensor | None:
    if model.decoder.noise is None:
        return None
    width, per_frame = model.synth_shape
    shape = (len(x), width, x.shape[2] // model.network.ratio * per_frame)
    return torch.rand(shape, generator=generator, device=generator.device)
