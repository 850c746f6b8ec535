"""The PQMF filter bank: audio to sub-bands and back, as one strided convolution each way.

A pseudo-quadrature mirror filter bank of `bands` bands (Nguyen 1994; used by RAVE, arXiv 2111.05011). The filters
come with
the model. Every second sample of the odd bands changes its sign, which turns their spectra the right way round.
"""

from __future__ import annotations

from fractions import Fraction

import torch
from torch import Tensor, nn

from rtrave.layers.conv import Conv1d
from rtrave.layers.state import State


def flip_odd_bands(x: Tensor, phase: int = 0) -> Tensor:
    """Negate every second sample of the odd bands, from sample `phase` (0 or 1); time-major [B, T, bands], T even."""
    signs = torch.ones(2, x.shape[2], dtype=x.dtype)
    signs[phase, 1::2] = -1
    return (x.reshape(x.shape[0], -1, 2, x.shape[2]) * signs).reshape(x.shape)


def _split(x: Tensor, channels: int) -> Tensor:
    """[B, T, channels * C] -> [B * channels, T, C]: audio channels go through the bank one by one."""
    batch, time, width = x.shape
    return x.reshape(batch, time, channels, width // channels).transpose(1, 2).reshape(-1, time, width // channels)


def _join(x: Tensor, channels: int) -> Tensor:
    """The inverse of `_split`."""
    _, time, width = x.shape
    return x.reshape(-1, channels, time, width).transpose(1, 2).reshape(-1, time, channels * width)


class PQMF(nn.Module):
    """Analysis and synthesis of one bank.

    Parameters
    ----------
    bands : int
        Number of bands, and the decimation.
    analysis_taps, synthesis_taps : int
        Kernel sizes of the two convolutions, at audio rate and at band rate.
    channels : int
        Audio channels; each has its own bands, channel by channel.
    mode : {"causal", "centered"}
        Padding of the two convolutions.
    """

    def __init__(
        self, bands: int, analysis_taps: int, synthesis_taps: int, channels: int = 1, mode: str = "causal"
    ) -> None:
        super().__init__()
        self.bands, self.channels = bands, channels
        self.forward_conv = Conv1d(1, bands, analysis_taps, stride=bands, mode=mode)
        self.inverse_conv = Conv1d(bands, bands, synthesis_taps, mode=mode)
        for parameter in self.parameters():
            parameter.requires_grad_(False)

    def analysis(self, x: Tensor) -> Tensor:
        """[B, channels, T] -> [B, channels * bands, T / bands]; T is a multiple of 2 * bands."""
        bands = self.forward_conv(x.reshape(-1, 1, x.shape[2]))
        bands = flip_odd_bands(bands.transpose(1, 2)).transpose(1, 2)
        return bands.reshape(x.shape[0], -1, bands.shape[2])

    def synthesis(self, bands: Tensor) -> Tensor:
        """[B, channels * bands, T] -> [B, channels, T * bands]; T is even."""
        rows = bands.reshape(-1, self.bands, bands.shape[2])
        rows = flip_odd_bands(rows.transpose(1, 2)).transpose(1, 2)
        x = self.bands * self.inverse_conv(rows)
        return x.flip(1).transpose(1, 2).reshape(bands.shape[0], self.channels, -1)

    def analysis_step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """[B, T, channels] -> [B, T / bands, channels * bands]; T is a multiple of 2 * bands."""
        bands, following = self.forward_conv.step(_split(x, self.channels), state)
        return _join(flip_odd_bands(bands), self.channels), following

    def synthesis_step(self, bands: Tensor, state: State, phase: int = 0) -> tuple[Tensor, State]:
        """[B, T, channels * bands] -> [B, T * bands, channels]; T is even.

        Bands that come late by an odd number of samples need `phase` 1: their signs have moved with them.
        """
        x, following = self.inverse_conv.step(flip_odd_bands(_split(bands, self.channels), phase), state)
        x = (self.bands * x).flip(2).reshape(x.shape[0], -1, 1)
        return _join(x, self.channels), following

    def analysis_state(self, batch: int, dtype: torch.dtype) -> State:
        """Silence before the first sample."""
        return self.forward_conv.initial_state(batch * self.channels, dtype)

    def synthesis_state(self, batch: int, dtype: torch.dtype) -> State:
        """Silence before the first sample."""
        return self.inverse_conv.initial_state(batch * self.channels, dtype)

    def analysis_delay(self) -> Fraction:
        """Of the stream against offline, in band samples."""
        return self.forward_conv.delay(Fraction(0))

    def synthesis_delay(self, incoming: Fraction) -> Fraction:
        """Of the stream against offline, in audio samples, when the bands are late by `incoming` band samples."""
        return self.inverse_conv.delay(incoming) * self.bands

    def impulse_delay(self) -> int:
        """Samples by which analysis and synthesis together, offline, put an impulse late."""
        length = 2 * (self.forward_conv.kernel_size + self.bands * self.inverse_conv.kernel_size)
        length += -length % (2 * self.bands)
        x = torch.zeros(1, self.channels, length, dtype=self.forward_conv.kernel().dtype)
        middle = length // 2 // (2 * self.bands) * 2 * self.bands
        x[..., middle] = 1
        with torch.no_grad():
            return int(self.synthesis(self.analysis(x))[0, 0].abs().argmax()) - middle


class NoPQMF(nn.Module):
    """Stands in for the filter bank of models that read and make audio itself; the methods of `PQMF`."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels

    def analysis(self, x: Tensor) -> Tensor:
        """[B, channels, T] -> [B, channels, T]."""
        return x

    synthesis = analysis

    def analysis_step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """[B, T, channels] -> [B, T, channels]."""
        return x, state

    def synthesis_step(self, bands: Tensor, state: State, phase: int = 0) -> tuple[Tensor, State]:
        """[B, T, channels] -> [B, T, channels]."""
        return bands, state

    def analysis_state(self, batch: int, dtype: torch.dtype) -> State:
        """Nothing."""
        return {}

    synthesis_state = analysis_state

    def analysis_delay(self) -> Fraction:
        """None."""
        return Fraction(0)

    def synthesis_delay(self, incoming: Fraction) -> Fraction:
        """None added."""
        return incoming

    def impulse_delay(self) -> int:
        """None."""
        return 0
