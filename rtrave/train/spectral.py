"""Spectral distances between two sounds, shared by training, evaluation and benchmarks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

SPECTRAL_WINDOWS = (4096, 2048, 1024, 512, 256)
LOG_FLOOR = 1e-2
SMALLEST_NORM = 1e-8
OVERLAP = 4  # windows that cover each sample
LSD_WINDOW = 2048
LSD_FLOOR = 1e-10  # relative to the loudest bin's power: quieter bins are inaudible


class _Magnitudes(torch.autograd.Function):
    """Magnitude spectra [B, frames, bins] of [B, T].

    The gradient takes one real inverse transform per frame; that of `torch.stft` takes a complex one.
    """

    @staticmethod
    def forward(context: Any, x: Tensor, hann: Tensor) -> Tensor:
        window = len(hann)
        spectra = torch.fft.rfft(x.unfold(1, window, window // OVERLAP) * hann)
        lengths = torch.addcmul(spectra.real.square(), spectra.imag, spectra.imag).sqrt_()
        context.save_for_backward(spectra, lengths, hann)
        context.samples = x.shape[1]
        return lengths

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        (gradient,) = gradients
        spectra, lengths, hann = context.saved_tensors
        scale = torch.where(lengths > 0, gradient / lengths, 0)
        scale[..., 1:-1] *= 0.5  # irfft counts every bin twice, except the first and the last
        frames = torch.fft.irfft(spectra * scale, n=len(hann), norm="forward") * hann
        hop, count = len(hann) // OVERLAP, frames.shape[1]
        x = frames.new_zeros(len(frames), context.samples)
        rows = x[:, : (count + OVERLAP - 1) * hop].view(len(frames), -1, hop)
        for index in range(OVERLAP):
            rows[:, index : index + count] += frames[..., index * hop : (index + 1) * hop]
        return x, None


def magnitudes(x: Tensor, window: int) -> Tensor:
    """Return the unnormalised magnitude spectra of [..., T], [B, frames, bins].

    Frames have a Hann window and a hop of a quarter of it. The window is a multiple of four samples. The result can be
    differentiated once, not twice.
    """
    flat = x.reshape(-1, x.shape[-1]).float()
    flat = functional.pad(flat, (window // 2, window // 2))
    spectra: Tensor = _Magnitudes.apply(flat, torch.hann_window(window, device=x.device))
    return spectra


def spectral_difference(expected: Tensor, output: Tensor, log_floor: float = LOG_FLOOR) -> Tensor:
    """Return ||S - S'|| / ||S|| + mean |log(S + floor) - log(S' + floor)| of two magnitude spectra S, S'."""
    norm = torch.linalg.vector_norm(expected).clamp(min=SMALLEST_NORM)
    linear = torch.linalg.vector_norm(expected - output) / norm
    return linear + ((expected + log_floor).log() - (output + log_floor).log()).abs().mean()


def spectral_distance(expected: Tensor, output: Tensor, windows: Sequence[int] = SPECTRAL_WINDOWS) -> Tensor:
    """Return the multi-scale spectral distance of audio [..., T]: the mean of `spectral_difference` over the windows.

    Equal sounds give 0; silence in place of a sound gives more than 1. The distance depends on the level: values are
    comparable only if the expected sound is scaled to a peak of 0.8.
    """
    differences = [spectral_difference(magnitudes(expected, w), magnitudes(output, w)) for w in windows]
    return torch.stack(differences).mean()


def _powers(x: np.ndarray) -> np.ndarray:
    """Return the power spectra [frames, bins] of [T], with a Hann window and a hop of a quarter of it."""
    starts = range(0, len(x) - LSD_WINDOW, LSD_WINDOW // 4)
    return np.abs(np.fft.rfft([x[start : start + LSD_WINDOW] * np.hanning(LSD_WINDOW) for start in starts])) ** 2


def log_spectral_distance_db(original: np.ndarray, reconstruction: np.ndarray) -> float:
    """Return the log-spectral distance of audio [T] in dB.

    It is the root mean square over the bins of the difference in dB, averaged over the frames.
    """
    expected, actual = _powers(original), _powers(reconstruction)
    floor = LSD_FLOOR * expected.max()
    return float(np.sqrt(np.square(10 * np.log10((expected + floor) / (actual + floor))).mean(axis=1)).mean())
