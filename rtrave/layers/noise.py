"""Noise synthesisers of RAVE's decoders: filtered noise, one filter per band and frame, without an FFT operator.

A small network computes the magnitudes of one filter per band for each frame of `target` band samples. The white noise
of the frame is convolved with the impulse response of the filter (DDSP, arXiv 2001.04643). Both steps are linear, so
that products with constant matrices, which every backend has, replace the Fourier transforms.
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
from rtrave.layers.state import State, branch

BIAS = 5.0  # subtracted before the scaling: the magnitudes of a new network are small


def impulse_responses(noise_bands: int, target: int) -> np.ndarray:
    """Return impulse responses of unit magnitudes, [noise_bands, target]: zero phase, Hann window, one frame long."""
    size = 2 * (noise_bands - 1)
    centred = np.roll(np.fft.irfft(np.eye(noise_bands), axis=1), size // 2, axis=1)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)
    fitted = np.zeros((noise_bands, target))
    taps = min(size, target)
    fitted[:, :taps] = (centred * window)[:, :taps]
    return np.roll(fitted, -(size // 2), axis=1)


class NoiseSynth(nn.Module):
    """Filtered noise in `bands` band signals.

    Parameters
    ----------
    channels : int
        Channels of the features.
    bands : int
        Band signals of the output.
    ratios : tuple of int
        Strides of the network; their product is `target`, the length of a frame in band samples.
    noise_bands : int
        Magnitudes per filter.
    hidden : int
        Channels between the layers of the network.
    version : {1, 2}
        1: kernels of 3 taps, padded by `mode`, in a stream aligned to frames. 2: kernels of twice the stride, causal.
    mode : {"causal", "centered"}
        Padding of version 1.
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
        """Return noise [B, F * target, bands] for the network's output [B, F, bands * noise_bands].

        `draws` are uniform in [0, 1), [B, F * target, bands]. Each frame is the causal convolution of its noise with
        its impulse response, truncated at the end of the frame.
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
        """Return noise [B, bands, T] for features [B, C, T] and draws [B, bands, T]."""
        magnitudes = self.net(x).transpose(1, 2)
        return self.filtered(magnitudes, draws.transpose(1, 2)).transpose(1, 2)

    def step(self, x: Tensor, state: State, draws: Tensor) -> tuple[Tensor, State]:
        """Return noise [B, T, bands] for features [B, T, C] and draws [B, T, bands]; T is a multiple of `target`."""
        magnitudes, following = self.net.step(x, branch(state, "net"))
        return self.filtered(magnitudes, draws), {"net": following}

    def initial_state(self, batch: int, dtype: torch.dtype) -> State:
        """Return the state of the network."""
        return {"net": self.net.initial_state(batch, dtype)}

    def delay(self, incoming: Fraction) -> Fraction:
        """Return the delay in band samples; the network adds whole frames."""
        return incoming + self.net.delay(Fraction(0)) * self.target

    def receptive_field(self, past: int) -> int | None:
        """Return the network's field at the frame of the sample, f(floor(past / target)): frames do not overlap."""
        return self.net.receptive_field(past // self.target)
