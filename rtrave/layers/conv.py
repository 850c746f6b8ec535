"""Causal convolutions, plain, dilated, strided and transposed, with optional weight norm.

Streaming by cached padding follows "Streamable neural audio synthesis with non-causal convolutions" (arXiv 2204.07064).
Weight norm is kept as RAVE's checkpoints name it: `weight_g`, `weight_v`, the norm taken over all dimensions but the
first.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from rtrave.layers.state import State


def norm_but_first(weight: Tensor) -> Tensor:
    """Euclidean norm over all dimensions but the first, kept: [A, B, K] -> [A, 1, 1]."""
    return torch.linalg.vector_norm(weight, dim=(1, 2), keepdim=True)


def fold_weight_norm(state_dict: dict[str, Tensor]) -> dict[str, Tensor]:
    """Replace each pair `weight_g`, `weight_v` by the `weight` that they stand for (other entries unchanged)."""
    folded = {}
    for name, value in state_dict.items():
        if name.endswith("weight_v"):
            stem = name.removesuffix("_v")
            folded[stem] = value * (state_dict[stem + "_g"] / norm_but_first(value))
        elif not name.endswith("weight_g"):
            folded[name] = value
    return folded


class _Kernel(nn.Module):
    """The weights of a convolution without bias, [first, second, taps], plain or as direction and gain."""

    def __init__(self, shape: tuple[int, int, int], weight_norm: bool) -> None:
        super().__init__()
        weight = nn.Parameter(torch.empty(shape))
        nn.init.kaiming_uniform_(weight, a=5**0.5)
        gain = nn.Parameter(norm_but_first(weight.detach()))
        self.weight = None if weight_norm else weight
        self.weight_g = gain if weight_norm else None
        self.weight_v = weight if weight_norm else None

    def kernel(self) -> Tensor:
        """The weights, weight norm applied."""
        if self.weight_v is not None and self.weight_g is not None:
            return self.weight_v * (self.weight_g / norm_but_first(self.weight_v))
        return cast(Tensor, self.weight)


class Conv1d(_Kernel):
    """Causal convolution without bias, weights [out, in, kernel], all its padding at the past.

    Parameters
    ----------
    in_channels, out_channels, kernel_size, stride, dilation : int
        As in `torch.nn.Conv1d`. Stride and dilation are not used together.
    weight_norm : bool
        Keep the weights as direction and gain.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        stride: int = 1,
        dilation: int = 1,
        weight_norm: bool = False,
    ) -> None:
        super().__init__((out_channels, in_channels, kernel_size), weight_norm)
        if stride > 1 and dilation > 1:
            raise ValueError(f"stride {stride} with dilation {dilation}: use one of them")
        self.in_channels, self.kernel_size, self.stride, self.dilation = in_channels, kernel_size, stride, dilation
        self.padding = (kernel_size - 1) * dilation

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, T] -> [B, C', T / stride]."""
        x = functional.pad(x, (self.padding, 0))
        return functional.conv1d(x, self.kernel(), stride=self.stride, dilation=self.dilation)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """[B, T, C] -> [B, T / stride, C']; T is a multiple of the stride."""
        kernel = self.kernel()
        matrix = kernel.permute(2, 1, 0).reshape(-1, kernel.shape[0])
        if self.padding == 0 and self.stride == 1:
            return x @ matrix, state
        extended = torch.cat((state["cache"], x), dim=1)
        return self._windows(extended, x.shape[1] // self.stride) @ matrix, {"cache": extended[:, x.shape[1] :]}

    def _windows(self, extended: Tensor, outputs: int) -> Tensor:
        """Per output sample the inputs its kernel covers, tap-major: [B, outputs, kernel * C].

        A row holds one stride of samples; a kernel is some whole rows and a part of one.
        """
        whole, part = divmod(self.kernel_size, self.stride)
        row_count = outputs + (whole - 1) * self.dilation + (part > 0)
        rows = extended[:, : row_count * self.stride].reshape(extended.shape[0], row_count, -1)
        taps = [rows[:, tap * self.dilation : tap * self.dilation + outputs] for tap in range(whole)]
        if part:
            taps.append(rows[:, whole : whole + outputs, : part * self.in_channels])
        return torch.cat(taps, dim=2)

    def initial_state(self, batch: int, dtype: torch.dtype) -> State:
        """Silence before the first sample."""
        if self.padding == 0 and self.stride == 1:
            return {}
        return {"cache": torch.zeros(batch, self.padding, self.in_channels, dtype=dtype)}

    def delay(self, incoming: int) -> int:
        """A causal convolution adds no delay; an incoming one must fall on the stride's grid."""
        if incoming % self.stride:
            raise ValueError(f"an input delay of {incoming} samples does not fall on the stride {self.stride}")
        return incoming // self.stride


class ConvTranspose1d(_Kernel):
    """Upsampling by `stride` with a kernel of twice the stride, no bias, weights [in, out, 2 stride].

    `forward` crops `stride // 2` samples on the left; the stream cannot, and so is late by as many.
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int, weight_norm: bool = False) -> None:
        super().__init__((in_channels, out_channels, 2 * stride), weight_norm)
        if stride % 2:
            raise ValueError(f"stride {stride}: only even strides keep the length")
        self.out_channels, self.stride = out_channels, stride

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, T] -> [B, C', T * stride]."""
        return functional.conv_transpose1d(x, self.kernel(), stride=self.stride, padding=self.stride // 2)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """[B, T, C] -> [B, T * stride, C']: each input row gives two halves, the second overlaps the next row's
        first."""
        kernel = self.kernel()
        matrix = kernel.permute(0, 2, 1).reshape(kernel.shape[0], -1)
        first, second = (x @ matrix).chunk(2, dim=2)
        overlap = torch.cat((state["overlap"], second), dim=1)
        y = (first + overlap[:, :-1]).reshape(x.shape[0], -1, self.out_channels)
        return y, {"overlap": overlap[:, -1:]}

    def initial_state(self, batch: int, dtype: torch.dtype) -> State:
        """Nothing to overlap yet."""
        return {"overlap": torch.zeros(batch, 1, self.stride * self.out_channels, dtype=dtype)}

    def delay(self, incoming: int) -> int:
        """The incoming delay at the higher rate, and the half stride that `forward` crops."""
        return incoming * self.stride + self.stride // 2
