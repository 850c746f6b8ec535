"""PQMF filter bank: audio to sub-bands and back, as one convolution each way.

A pseudo-quadrature mirror filter bank of `bands` bands (Nguyen 1994; used by RAVE, arXiv 2111.05011). The filters are
part of the model. Every second sample of the odd bands is negated, which undoes the mirroring of their spectra.

In a stream one product computes up to `ROWS` band samples of all bands: its matrix holds the filters once per band
sample, each time one sample further down, and the signs. Compared with a product per band sample it reads each input
about eight times less often, at the cost of a fifth more multiplications.
"""

from __future__ import annotations

import math
from fractions import Fraction

import torch
from torch import Tensor, nn
from torch.nn import functional

from rtrave.layers.conv import Conv1d, windows
from rtrave.layers.state import State, leaf

ROWS = 8  # band samples of one product; even, for the signs


def flip_odd_bands(x: Tensor, phase: int = 0) -> Tensor:
    """Negate every second sample of the odd bands, from sample `phase` (0 or 1) on: [B, T, bands], T even."""
    signs = torch.ones(2, x.shape[2], dtype=x.dtype, device=x.device)
    signs[phase, 1::2] = -1
    return (x.reshape(x.shape[0], -1, 2, x.shape[2]) * signs).reshape(x.shape)


def _block_product(extended: Tensor, size: int, matrix: Tensor) -> Tensor:
    """Multiply blocks of `size` samples, each preceded by its past, by a matrix: [B, T, C] -> [B, blocks, C']."""
    rows = extended.reshape(*extended.shape[:-2], -1, size * extended.shape[-1])
    taps = matrix.shape[0] // rows.shape[-1]
    return windows(rows, rows.shape[-2] - taps + 1, taps) @ matrix


def _split(x: Tensor, channels: int) -> Tensor:
    """Move audio channels into the batch, [B, T, channels * C] -> [B * channels, T, C]: the bank filters each alone."""
    if channels == 1:
        return x
    time, width = x.shape[-2:]
    return x.reshape(-1, time, channels, width // channels).transpose(1, 2).reshape(-1, time, width // channels)


def _join(x: Tensor, channels: int, batch: torch.Size) -> Tensor:
    """Invert `_split`."""
    if channels == 1:
        return x
    time, width = x.shape[-2:]
    return x.reshape(-1, channels, time, width).transpose(1, 2).reshape(*batch, time, channels * width)


class PQMF(nn.Module):
    """Analysis and synthesis of one filter bank.

    Parameters
    ----------
    bands : int
        Number of bands, which is also the decimation.
    analysis_taps, synthesis_taps : int
        Kernel sizes of the two convolutions, at audio rate and at band rate.
    channels : int
        Audio channels. The bands are ordered channel by channel.
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
        # Past of the products in band samples, whole blocks
        self.analysis_past = -(-(analysis_taps - 1) // (ROWS * bands)) * ROWS
        self.synthesis_past = -(-(synthesis_taps - 1) // ROWS) * ROWS
        self.prepared: dict[str, Tensor] = {}

    def analysis(self, x: Tensor) -> Tensor:
        """Split [B, channels, T] into bands [B, channels * bands, T / bands]; T is a multiple of 2 * bands."""
        bands = self.forward_conv(x.reshape(-1, 1, x.shape[2]))
        bands = flip_odd_bands(bands.transpose(1, 2)).transpose(1, 2)
        return bands.reshape(x.shape[0], -1, bands.shape[2])

    def analysis_matrix(self, rows: int) -> Tensor:
        """Return the analysis into `rows` band samples as a matrix [(analysis_past + rows) * bands, rows * bands]."""
        kernel, size = self.forward_conv.kernel(), (self.analysis_past + rows) * self.bands
        unit = torch.eye(size, dtype=kernel.dtype, device=kernel.device)[
            :, None, size - rows * self.bands - self.forward_conv.cached :
        ]
        bands = functional.conv1d(unit, kernel, stride=self.bands)
        return flip_odd_bands(bands.transpose(1, 2)).flatten(1)

    def synthesis(self, bands: Tensor) -> Tensor:
        """Join bands [B, channels * bands, T] to audio [B, channels, T * bands]; T is even."""
        rows = bands.reshape(-1, self.bands, bands.shape[2])
        rows = flip_odd_bands(rows.transpose(1, 2)).transpose(1, 2)
        x = self.bands * self.inverse_conv(rows)
        return x.flip(1).transpose(1, 2).reshape(bands.shape[0], self.channels, -1)

    def synthesis_matrix(self, rows: int, phase: int) -> Tensor:
        """Return the synthesis of `rows` band samples as a matrix [(synthesis_past + rows) * bands, rows * bands]."""
        kernel, length = self.inverse_conv.kernel(), self.synthesis_past + rows
        unit = torch.eye(length * self.bands, dtype=kernel.dtype, device=kernel.device).reshape(-1, length, self.bands)
        signed = flip_odd_bands(unit, phase)[:, length - rows - self.inverse_conv.cached :]
        x = self.bands * functional.conv1d(signed.transpose(1, 2), kernel)
        return x.flip(1).transpose(1, 2).flatten(1)

    @torch.no_grad()
    def prepare(self, samples: int) -> None:
        """Compute the matrices for steps of `samples` audio samples; the filters must not change after it."""
        rows = math.gcd(samples // self.bands, ROWS)
        self.prepared = {f"synthesis {rows} {phase}": self.synthesis_matrix(rows, phase) for phase in (0, 1)}
        self.prepared[f"analysis {rows}"] = self.analysis_matrix(rows)

    def analysis_step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """Split [B, T, channels] into bands [B, T / bands, channels * bands]; T is a multiple of 2 * bands."""
        rows = math.gcd(x.shape[-2] // self.bands, ROWS)
        extended = torch.cat((leaf(state, "cache"), _split(x, self.channels)), dim=-2)
        matrix = self.prepared.get(f"analysis {rows}")
        bands = _block_product(extended, rows * self.bands, self.analysis_matrix(rows) if matrix is None else matrix)
        bands = bands.reshape(*bands.shape[:-2], -1, self.bands)
        return _join(bands, self.channels, x.shape[:-2]), {"cache": extended[..., x.shape[-2] :, :]}

    def synthesis_step(self, bands: Tensor, state: State, phase: int = 0) -> tuple[Tensor, State]:
        """Join bands [B, T, channels * bands] to audio [B, T * bands, channels]; T is even.

        Bands that are late by an odd number of samples need `phase` 1, since their signs are late too.
        """
        rows = math.gcd(bands.shape[-2], ROWS)
        extended = torch.cat((leaf(state, "cache"), _split(bands, self.channels)), dim=-2)
        matrix = self.prepared.get(f"synthesis {rows} {phase}")
        x = _block_product(extended, rows, self.synthesis_matrix(rows, phase) if matrix is None else matrix)
        x = _join(x.reshape(*x.shape[:-2], -1, 1), self.channels, bands.shape[:-2])
        return x, {"cache": extended[..., bands.shape[-2] :, :]}

    def analysis_state(self, batch: int, dtype: torch.dtype) -> State:
        """Return silence as the past."""
        return {"cache": torch.zeros(batch * self.channels, self.analysis_past * self.bands, 1, dtype=dtype)}

    def synthesis_state(self, batch: int, dtype: torch.dtype) -> State:
        """Return silence as the past."""
        return {"cache": torch.zeros(batch * self.channels, self.synthesis_past, self.bands, dtype=dtype)}

    def analysis_delay(self) -> Fraction:
        """Return the lag of the stream against offline, in band samples."""
        return self.forward_conv.delay(Fraction(0))

    def synthesis_delay(self, incoming: Fraction) -> Fraction:
        """Return the lag of the stream against offline, in audio samples; the bands lag by `incoming` band samples."""
        return self.inverse_conv.delay(incoming) * self.bands

    def analysis_field(self, past: int) -> int:
        """Return the receptive field of the analysis in audio samples, f(past); `past` is in band samples."""
        return self.forward_conv.receptive_field(past)

    def synthesis_field(self, past: int) -> int:
        """Return the receptive field of the synthesis in band samples, f(past // bands); `past` is in audio samples."""
        return self.inverse_conv.receptive_field(past // self.bands)

    def impulse_delay(self) -> int:
        """Return the delay of an impulse through analysis and synthesis, offline, in samples."""
        length = 2 * (self.forward_conv.kernel_size + self.bands * self.inverse_conv.kernel_size)
        length += -length % (2 * self.bands)
        x = torch.zeros(1, self.channels, length, dtype=self.forward_conv.kernel().dtype)
        middle = length // 2 // (2 * self.bands) * 2 * self.bands
        x[..., middle] = 1
        with torch.no_grad():
            return int(self.synthesis(self.analysis(x))[0, 0].abs().argmax()) - middle


class NoPQMF(nn.Module):
    """Identity with the methods of `PQMF`, for models whose encoder or decoder works on audio directly."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels

    def prepare(self, samples: int) -> None:
        """Do nothing."""

    def analysis(self, x: Tensor) -> Tensor:
        """Return audio [B, channels, T] unchanged."""
        return x

    synthesis = analysis

    def analysis_step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """Return audio [B, T, channels] unchanged."""
        return x, state

    def synthesis_step(self, bands: Tensor, state: State, phase: int = 0) -> tuple[Tensor, State]:
        """Return audio [B, T, channels] unchanged."""
        return bands, state

    def analysis_state(self, batch: int, dtype: torch.dtype) -> State:
        """Return an empty state."""
        return {}

    synthesis_state = analysis_state

    def analysis_delay(self) -> Fraction:
        """Return 0."""
        return Fraction(0)

    def synthesis_delay(self, incoming: Fraction) -> Fraction:
        """Return the delay of the bands unchanged."""
        return incoming

    def analysis_field(self, past: int) -> int:
        """Return `past`: an output depends on one input sample."""
        return past

    synthesis_field = analysis_field

    def impulse_delay(self) -> int:
        """Return 0."""
        return 0
