"""Measurement of a model: its delays, the equality of stream and offline output, and finite numbers on silence.

The measured delays do not depend on those that the model reports. Its receptive fields bound the search. For offline
use, on any thread; takes seconds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from rtrave.layers.activations import Identity
from rtrave.layers.contract import random_cuts, relative_error
from rtrave.layers.norm import AdaIN
from rtrave.layers.state import State, branch, streaming
from rtrave.model.rave import Model
from rtrave.model.weights import folded

CUT_FRAMES = 48  # latent frames that are streamed in small blocks
PARTITION_TOLERANCE = 1e-4  # of the peak, between two ways to cut one signal
FIT_TOLERANCE = 2e-2  # of the peak, between stream and delayed offline output; aliases reach 5e-3 at odd band delays


@dataclass(frozen=True)
class Measured:
    """Result of a measurement.

    Attributes
    ----------
    encoder_delay, decoder_delay : int
        Samples by which the stream lags the offline output.
    bank_delay : int or None
        Delay of the filter bank alone, offline, in samples; None if only one side of the model has a bank.
    fit_error : float
        Largest deviation of the decoder's stream from its delayed offline output, relative to the peak.
    partition_error : float
        Largest deviation between two ways to cut one signal, in encoder and decoder, relative to the peak.
    silence_peak : float
        Peak of the output for digital silence; NaN if the output is not finite.
    """

    encoder_delay: int
    decoder_delay: int
    bank_delay: int | None
    fit_error: float
    partition_error: float
    silence_peak: float

    @property
    def delay(self) -> int:
        """Delay of the whole stream, in samples."""
        return self.encoder_delay + self.decoder_delay

    @property
    def acoustic_delay(self) -> int | None:
        """Delay of the sound, in samples; None if the bank cannot be measured."""
        return None if self.bank_delay is None else self.delay + self.bank_delay

    @property
    def streaming(self) -> bool:
        """True if cuts do not change the output, and the decoder's stream equals its delayed offline output.

        Both within tolerance.
        """
        return self.partition_error <= PARTITION_TOLERANCE and self.fit_error <= FIT_TOLERANCE


def measure(model: Model, seed: int = 0) -> Measured:
    """Measure a model, which stays unchanged; see `Measured`."""
    plain = folded(model).to(torch.float32)
    for parameter in plain.parameters():
        parameter.requires_grad_(False)
    generator = torch.Generator().manual_seed(seed)
    encoder_error = _encoder_partition_error(plain, generator)
    decoder_delay, fit_error, decoder_error = _measure_decoder(plain, generator)
    return Measured(
        encoder_delay=measure_encoder_delay(plain, generator),
        decoder_delay=decoder_delay,
        bank_delay=measure_bank_delay(plain, generator),
        fit_error=fit_error,
        partition_error=max(encoder_error, decoder_error),
        silence_peak=silence_peak(plain),
    )


def best_shift(late: np.ndarray, early: np.ndarray, limit: int) -> int:
    """Return the shift s, 0 .. limit, at which late[:, t + s] fits early[:, t] best in the least-squares sense.

    Both are [rows, T]; the first T - limit columns of `early` are compared. |a - b|^2 = |a|^2 + |b|^2 - 2ab is computed
    for all shifts at once, with the products by FFT.
    """
    late, early = np.asarray(late, np.float64), np.asarray(early, np.float64)
    length = early.shape[1] - limit
    size = 1 << int(late.shape[1] + length).bit_length()
    spectra = np.fft.rfft(late, size) * np.fft.rfft(early[:, :length], size).conj()
    products = np.fft.irfft(spectra.sum(axis=0), size)[: limit + 1]
    energy = np.concatenate(([0.0], np.cumsum((late**2).sum(axis=0))))
    return int(np.argmin(energy[length : length + limit + 1] - energy[: limit + 1] - 2 * products))


def zero_noise(kind: str, latent_frame: int, shape: tuple[int, ...]) -> np.ndarray:
    """Return draws without effect: 0, and for the noise synthesisers the middle of 0 .. 1."""
    return np.full(shape, 0.5 if kind == "synth" else 0.0, np.float32)


def _span(model: Model, part: str) -> int:
    """Return the receptive field of the "encoder" or the "decoder" in audio samples, which bounds every delay.

    `model` comes from `_without_statistics`, since the field of learned statistics is unbounded.
    """
    field = model.receptive_fields[part]
    assert field is not None, "only adaptive instance norm is unbounded"
    return field * (1 if part == "encoder" else model.network.ratio)


def _whole_steps(model: Model, frames: int) -> int:
    """Return the number of latent frames, rounded up to a whole number of steps."""
    return frames + -frames % model.frames_per_step


def _random_steps(model: Model, frames: int, generator: torch.Generator) -> list[int]:
    """Return random block lengths in latent frames."""
    return random_cuts(frames // model.frames_per_step, model.frames_per_step, generator)


def _raw_offline(model: Model, x: Tensor) -> Tensor:
    bank = model.raw if model.network.raw_input else model.pqmf
    return model.encoder(bank.analysis(x)).transpose(1, 2)


def _raw_streamed(model: Model, x: Tensor, cuts: list[int]) -> Tensor:
    """Stream the encoder's network before the regularisation, [1, C, T] -> [1, N, outputs]."""
    bank, network = model.raw if model.network.raw_input else model.pqmf, streaming(model.encoder.encoder)

    def step(block: Tensor, state: State) -> tuple[Tensor, State]:
        bands, pqmf = bank.analysis_step(block, branch(state, "pqmf"))
        raw, encoder = network.step(bands, branch(state, "encoder"))
        return raw, {"pqmf": pqmf, "encoder": encoder}

    return _in_blocks(step, x.transpose(1, 2), model.initial_state("encoder", 1), cuts)


def _without_statistics(model: Model) -> Model:
    """Return a copy without adaptive instance norm, whose past is unbounded and whose gradient is NaN."""
    plain = folded(model)
    for module in list(plain.modules()):
        for name, child in module.named_children():
            if isinstance(child, AdaIN):
                setattr(module, name, Identity())
    return plain


def measure_encoder_delay(model: Model, generator: torch.Generator) -> int:
    """Return the delay of the stream's latents in samples.

    The gradient of a latent with respect to the input samples is the same in the stream and offline, but shifted by the
    delay. It resolves single samples, while the latents themselves have one value in `ratio` samples.
    """
    plain = _without_statistics(model).to(torch.float64)  # the far ends of a gradient are denormal in float32: slow
    ratio, span = plain.network.ratio, _span(plain, "encoder")
    frames = 2 * _whole_steps(plain, span // ratio + 2)
    middle = frames // 2
    gradients = []
    for streamed in (False, True):
        x = torch.zeros(1, plain.network.channels, frames * ratio, dtype=torch.float64, requires_grad=True)
        raw = (_raw_streamed(plain, x, [frames * ratio]) if streamed else _raw_offline(plain, x))[0, middle]
        (gradient,) = torch.autograd.grad((raw * _weights(raw, generator.initial_seed())).sum(), x)
        gradients.append(gradient[0].numpy())
    return best_shift(gradients[0], gradients[1], (middle - 2) * ratio)


def _weights(like: Tensor, seed: int) -> Tensor:
    """Return random weights that depend on shape and seed alone."""
    return torch.randn(like.shape, generator=torch.Generator().manual_seed(seed), dtype=like.dtype)


@torch.no_grad()
def measure_bank_delay(model: Model, generator: torch.Generator) -> int | None:
    """Return the delay of white noise through the filter bank, offline, in samples; None if one side has no bank."""
    network = model.network
    if network.raw_input or network.raw_output:
        return 0 if network.raw_input and network.raw_output else None
    limit = network.analysis_taps + network.bands * network.synthesis_taps
    x = torch.randn(1, network.channels, 8 * (limit // network.ratio + 1) * network.ratio, generator=generator)
    return best_shift(model.pqmf.synthesis(model.pqmf.analysis(x))[0].numpy(), x[0].numpy(), limit)


def _decode_stream(model: Model, z: Tensor, cuts: list[int]) -> Tensor:
    """Decode [1, N, D] -> [1, T, C] without noise, in blocks of `cuts` latent frames."""

    def step(block: Tensor, state: State) -> tuple[Tensor, State]:
        shapes = model.draw_shapes().items()
        draws = {kind: torch.from_numpy(zero_noise(kind, 0, (1, block.shape[1] * r, w))) for kind, (r, w) in shapes}
        return model.decode_step(block, state, draws)

    return _in_blocks(step, z, model.initial_state("decoder", 1), cuts)


def _in_blocks(
    step: Callable[[Tensor, State], tuple[Tensor, State]], signal: Tensor, state: State, cuts: list[int]
) -> Tensor:
    outputs = []
    for block in signal.split(cuts, dim=1):
        y, state = step(block, state)
        outputs.append(y)
    return torch.cat(outputs, dim=1)


@torch.no_grad()
def _measure_decoder(model: Model, generator: torch.Generator) -> tuple[int, float, float]:
    """Return the delay in samples, and the errors of fit and of partition, for random latents."""
    ratio, span = model.network.ratio, _span(_without_statistics(model), "decoder")
    third = _whole_steps(model, span // ratio + 1)
    frames, settled, limit = 3 * third, third * ratio, third * ratio
    z = torch.randn(1, frames, model.network.latent_size, generator=generator)
    streamed = _decode_stream(model, z, [frames]).transpose(1, 2)
    few = _whole_steps(model, min(frames, CUT_FRAMES))
    cut = _decode_stream(model, z[:, :few], _random_steps(model, few, generator)).transpose(1, 2)
    offline = model.decode(z.transpose(1, 2), noise=zero_noise)
    delay = best_shift(streamed[0, :, settled:].numpy(), offline[0, :, settled:].numpy(), limit)
    length = offline.shape[2] - limit - settled
    expected = offline[..., settled : settled + length]
    output = streamed[..., settled + delay : settled + delay + length]
    return delay, relative_error(output, expected), relative_error(cut, streamed[..., : few * ratio])


@torch.no_grad()
def _encoder_partition_error(model: Model, generator: torch.Generator) -> float:
    ratio, frames = model.network.ratio, _whole_steps(model, 12)
    x = torch.randn(1, model.network.channels, frames * ratio, generator=generator)
    whole = _raw_streamed(model, x, [frames * ratio])
    cuts = [ratio * size for size in _random_steps(model, frames, generator)]
    return relative_error(_raw_streamed(model, x, cuts), whole)


@torch.no_grad()
def silence_peak(model: Model) -> float:
    """Return the peak of the output for digital silence, offline and streamed; NaN if it is not finite."""
    step = model.frames_per_step
    frames = 4 * step
    x = torch.zeros(1, model.network.channels, frames * model.network.ratio)
    mean, _, _ = model.encode_step(x.transpose(1, 2), model.initial_state("encoder", 1))
    outputs = (model(x, noise=zero_noise), _decode_stream(model, mean, [step] * 4))
    peaks = [float(y.abs().max()) if bool(torch.isfinite(y).all()) else float("nan") for y in outputs]
    return float(np.max(peaks))
