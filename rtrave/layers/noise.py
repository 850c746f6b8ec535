"""The noise synthesisers of RAVE's decoders: filtered noise, one filter per band and frame, without an FFT operator.

A small network gives, per frame of `target` band samples, the magnitudes of a filter for each band; the frame's white
noise
is convolved with the filter's impulse response (DDSP, arXiv 2001.04643). Both steps are linear in what varies, and so
are products with constant matrices, which every backend has.
"""

from __future__ import annotations

from fractions import Fraction
from math import prod

import numpy as np
import torch
from torch import Tensor, nn

from rtrave.layers.activations import LeakyReLU, mod_sigmoid
from rtrave.layers.compose import Sequential
from rtrave.layers.conv import Conv1d, padding
from rtrave.layers.state import State

BIAS = 5.0  # the magnitudes start out small


def impulse_responses(noise_bands: int, target: int) -> np.ndarray:
    """Impulse responses of unit magnitudes, [noise_bands, target]: zero phase, Hann window, as long as a frame."""
    size = 2 * (noise_bands - 1)
    centred = np.roll(np.fft.irfft(np.eye(noise_bands), axis=1), size // 2, axis=1)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)
    fitted = np.zeros((noise_bands, target))
    kept = min(size, target)
    fitted[:, :kept] = (centred * window)[:, :kept]
    return np.roll(fitted, -(size // 2), axis=1)


class NoiseSynth(nn.Module):
    """Filtered noise for `bands` bands.

    Parameters
    ----------
    channels : int
        Of the features it reads.
    bands : int
        Band signals it makes.
    ratios : tuple of int
        Strides of its network; their product is the frame's length in band samples.
    noise_bands : int
        Magnitudes per filter.
    hidden : int
        Width of its network.
    version : {1, 2}
        Kernels of 3 taps, padded as `mode` says, the stream aligned to frames; or of twice the stride, causal always.
    mode : {"causal", "centered"}
    """

    def __init__(
        self,
        channels: int,
        bands: int,
        ratios: tuple[int, ...],
        noise_bands: int,
        hidden: int,
        version: int,
        mode: str,
    ) -> None:
        super().__init__()
        self.bands, self.noise_bands, self.target = bands, noise_bands, prod(ratios)
        widths = [channels, *[hidden] * (len(ratios) - 1), bands * noise_bands]
        layers: list[nn.Module] = []
        delay = Fraction(0)
        for index, ratio in enumerate(ratios):
            taps = 3 if version == 1 else 2 * ratio
            pads = padding(taps, 1, mode) if version == 1 else (ratio, 0)
            align = int(-(delay + pads[1]) % ratio)
            conv = Conv1d(widths[index], widths[index + 1], taps, stride=ratio, pads=pads, align=align)
            delay = conv.delay(delay)
            layers += [conv, LeakyReLU()]
        self.net = Sequential(*layers[:-1])
        spectra = np.fft.rfft(np.pad(impulse_responses(noise_bands, self.target), ((0, 0), (0, self.target))), axis=1)
        noise = np.fft.rfft(np.pad(np.eye(self.target), ((0, 0), (0, self.target))), axis=1)
        bins = self.target + 1
        back = [np.fft.irfft(unit * np.eye(bins), n=2 * self.target, axis=1)[:, : self.target] for unit in (1, 1j)]
        matrices = {
            "filters": np.concatenate((spectra.real, spectra.imag), axis=1),
            "transform": np.concatenate((noise.real, noise.imag), axis=1),
            "inverse": np.concatenate(back, axis=0),
        }
        for name, matrix in matrices.items():
            self.register_buffer(name, torch.from_numpy(matrix).to(torch.float32), persistent=False)

    def filtered(self, magnitudes: Tensor, draws: Tensor) -> Tensor:
        """Noise [B, F * target, bands], from the network's output [B, F, bands * noise_bands].

        `draws` are uniform in [0, 1), [B, F * target, bands]. Each frame is the causal convolution of its noise with
        its impulse response, cut off at the frame's end.
        """
        frames = magnitudes.shape[:-1]
        shaped = mod_sigmoid(magnitudes - BIAS).reshape(*frames, self.bands, self.noise_bands)
        white = (2 * draws - 1).reshape(*frames, self.target, self.bands).transpose(-2, -1)
        spectrum_real, spectrum_imag = (white @ self.get_buffer("transform")).chunk(2, dim=-1)
        filter_real, filter_imag = (shaped @ self.get_buffer("filters")).chunk(2, dim=-1)
        real = spectrum_real * filter_real - spectrum_imag * filter_imag
        imag = spectrum_real * filter_imag + spectrum_imag * filter_real
        y = torch.cat((real, imag), dim=-1) @ self.get_buffer("inverse")
        return y.transpose(-2, -1).reshape(draws.shape)

    def forward(self, x: Tensor, draws: Tensor) -> Tensor:
        """Features [B, C, T] and draws [B, bands, T] -> noise [B, bands, T]."""
        magnitudes = self.net(x).transpose(1, 2)
        return self.filtered(magnitudes, draws.transpose(1, 2)).transpose(1, 2)

    def step(self, x: Tensor, state: State, draws: Tensor) -> tuple[Tensor, State]:
        """Features [B, T, C] and draws [B, T, bands] -> noise [B, T, bands]; T is a multiple of the frame."""
        magnitudes, following = self.net.step(x, state["net"])
        return self.filtered(magnitudes, draws), {"net": following}

    def initial_state(self, batch: int, dtype: torch.dtype) -> State:
        """The network's."""
        return {"net": self.net.initial_state(batch, dtype)}

    def delay(self, incoming: Fraction) -> Fraction:
        """Whole frames, in band samples."""
        return incoming + self.net.delay(Fraction(0)) * self.target

    def receptive_field(self, past: int) -> int | None:
        """That of the network at the frame that holds the sample, floor(past / target); noise does not cross frames."""
        return self.net.receptive_field(past // self.target)
