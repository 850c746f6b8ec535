"""Distances between two sounds by their spectra: one definition each, for training, evaluation and benchmarks."""

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
OVERLAP = 4  # windows over each sample
LSD_WINDOW = 2048
LSD_FLOOR = 1e-10  # of the loudest bin's power: what is quieter is not heard


class _Magnitudes(torch.autograd.Function):
    """Spectra's magnitudes of [B, T], [B, frames, bins]; the way back is one real transform, not a complex one."""

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
        scale[..., 1:-1] *= 0.5  # the inverse transform counts all bins but the first and last twice
        frames = torch.fft.irfft(spectra * scale, n=len(hann), norm="forward") * hann
        hop, count = len(hann) // OVERLAP, frames.shape[1]
        x = frames.new_zeros(len(frames), context.samples)
        rows = x[:, : (count + OVERLAP - 1) * hop].view(len(frames), -1, hop)
        for index in range(OVERLAP):
            rows[:, index : index + count] += frames[..., index * hop : (index + 1) * hop]
        return x, None


def magnitudes(x: Tensor, window: int) -> Tensor:
    """Magnitude spectra of [..., T], [B, frames, bins]: Hann windows a quarter of a window apart, not normalised.

    The window is a multiple of four samples. Gradients can be taken once.
    """
    flat = x.reshape(-1, x.shape[-1]).float()
    flat = functional.pad(flat, (window // 2, window // 2))
    spectra: Tensor = _Magnitudes.apply(flat, torch.hann_window(window, device=x.device))
    return spectra


def spectral_difference(expected: Tensor, came: Tensor, log_floor: float = LOG_FLOOR) -> Tensor:
    """Of two magnitude spectra S, S': ||S - S'|| / ||S|| + mean |log(S + floor) - log(S' + floor)|."""
    norm = torch.linalg.vector_norm(expected).clamp(min=SMALLEST_NORM)
    linear = torch.linalg.vector_norm(expected - came) / norm
    return linear + ((expected + log_floor).log() - (came + log_floor).log()).abs().mean()


def spectral_distance(expected: Tensor, came: Tensor, windows: Sequence[int] = SPECTRAL_WINDOWS) -> Tensor:
    """Multi-scale spectral distance of audio [..., T]: the mean of `spectral_difference` over the windows.

    Twice the same sound gives 0, silence against a sound above 1. As numbers are compared, the expected sound has its
    peak at .8.
    """
    differences = [spectral_difference(magnitudes(expected, w), magnitudes(came, w)) for w in windows]
    return torch.stack(differences).mean()


def _powers(x: np.ndarray) -> np.ndarray:
    """Power spectra of [T], Hann windows a quarter of a window apart."""
    starts = range(0, len(x) - LSD_WINDOW, LSD_WINDOW // 4)
    return np.abs(np.fft.rfft([x[start : start + LSD_WINDOW] * np.hanning(LSD_WINDOW) for start in starts])) ** 2


def log_spectral_distance_db(expected: np.ndarray, came: np.ndarray) -> float:
    """Mean over the windows of the root mean square difference of the spectra in dB, of audio [T]."""
    one, other = _powers(expected), _powers(came)
    floor = LSD_FLOOR * one.max()
    return float(np.sqrt(np.square(10 * np.log10((one + floor) / (other + floor))).mean(axis=1)).mean())
