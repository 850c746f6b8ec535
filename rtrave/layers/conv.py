"""Convolutions, plain, dilated, strided, grouped and transposed, with optional weight norm.

Streaming by cached padding follows "Streamable neural audio synthesis with non-causal convolutions" (arXiv 2204.07064):
the whole padding of a convolution is kept as a cache of past samples, so that its output is the offline one, late by
the padding
on the right. Weight norm is kept as RAVE's checkpoints name it: `weight_g`, `weight_v`, over all dimensions but the
first.
"""

from __future__ import annotations

from fractions import Fraction
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from rtrave.errors import RtraveError
from rtrave.layers.state import State

PADDINGS = ("causal", "centered")


def padding(kernel_size: int, dilation: int, mode: str) -> tuple[int, int]:
    """Zeros before and after a signal, that a convolution without stride keeps its length: `mode` as RAVE names it."""
    if mode not in PADDINGS:
        raise RtraveError(f"padding {mode!r}: use one of {', '.join(PADDINGS)}")
    span = (kernel_size - 1) * dilation
    right = 0 if mode == "causal" or kernel_size == 1 else (span + 1) // 2
    return span - right, right


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
    """The weights of a convolution, [first, second, taps], plain or as direction and gain, and a bias where there is
    one."""

    def __init__(self, shape: tuple[int, int, int], weight_norm: bool, bias_size: int | None = None) -> None:
        super().__init__()
        weight = nn.Parameter(torch.empty(shape))
        nn.init.kaiming_uniform_(weight, a=5**0.5)
        gain = nn.Parameter(norm_but_first(weight.detach()))
        self.weight = None if weight_norm else weight
        self.weight_g = gain if weight_norm else None
        self.weight_v = weight if weight_norm else None
        self.bias = None if bias_size is None else nn.Parameter(torch.zeros(bias_size))

    def kernel(self) -> Tensor:
        """The weights, weight norm applied."""
        if self.weight_v is not None and self.weight_g is not None:
            return self.weight_v * (self.weight_g / norm_but_first(self.weight_v))
        return cast(Tensor, self.weight)


class Conv1d(_Kernel):
    """Convolution, weights [out, in / groups, kernel].

    Parameters
    ----------
    in_channels, out_channels, kernel_size, stride, dilation, groups : int
        As in `torch.nn.Conv1d`. Stride and dilation are not used together.
    mode : {"causal", "centered"}
        Where the padding goes.
    weight_norm, bias : bool
    pads : (int, int), optional
        Zeros before and after, instead of what `mode` says.
    align : int
        Samples by which the stream delays its input, so that a delay falls on the stride's grid.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        stride: int = 1,
        dilation: int = 1,
        mode: str = "causal",
        weight_norm: bool = False,
        groups: int = 1,
        bias: bool = False,
        pads: tuple[int, int] | None = None,
        align: int = 0,
    ) -> None:
        shape = (out_channels, in_channels // groups, kernel_size)
        super().__init__(shape, weight_norm, out_channels if bias else None)
        if stride > 1 and dilation > 1:
            raise RtraveError(f"stride {stride} with dilation {dilation}: use one of them")
        self.in_channels, self.kernel_size, self.stride, self.dilation = in_channels, kernel_size, stride, dilation
        self.groups, self.align = groups, align
        self.padding = pads or padding(kernel_size, dilation, mode)
        self.cached = sum(self.padding) + align

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, T] -> [B, C', T / stride]."""
        x = functional.pad(x, self.padding)
        return functional.conv1d(x, self.kernel(), self.bias, self.stride, 0, self.dilation, self.groups)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """[B, T, C] -> [B, T / stride, C']; T is a multiple of the stride."""
        if self.cached:
            extended = torch.cat((state["cache"], x), dim=1)
            state = {"cache": extended[:, x.shape[1] :]}
        else:
            extended = x
        outputs = x.shape[1] // self.stride
        products = [
            self._windows(part, outputs) @ kernel.permute(2, 1, 0).reshape(-1, kernel.shape[0])
            for part, kernel in zip(extended.chunk(self.groups, 2), self.kernel().chunk(self.groups), strict=True)
        ]
        y = products[0] if self.groups == 1 else torch.cat(products, dim=2)
        return y if self.bias is None else y + self.bias, state

    def _windows(self, extended: Tensor, outputs: int) -> Tensor:
        """Per output sample the inputs its kernel covers, tap-major: [B, outputs, kernel * C].

        A row holds one stride of samples; a kernel is some whole rows and a part of one.
        """
        whole, part = divmod(self.kernel_size, self.stride)
        row_count = outputs + (whole - 1) * self.dilation + int(part > 0)
        rows = extended[:, : row_count * self.stride].reshape(extended.shape[0], row_count, -1)
        taps = [rows[:, tap * self.dilation : tap * self.dilation + outputs] for tap in range(whole)]
        if part:
            taps.append(rows[:, whole : whole + outputs, : part * extended.shape[2]])
        return taps[0] if len(taps) == 1 else torch.cat(taps, dim=2)

    def initial_state(self, batch: int, dtype: torch.dtype) -> State:
        """Silence before the first sample."""
        if not self.cached:
            return {}
        return {"cache": torch.zeros(batch, self.cached, self.in_channels, dtype=dtype)}

    def delay(self, incoming: Fraction) -> Fraction:
        """The incoming delay and the padding on the right, at the lower rate."""
        return (incoming + self.padding[1] + self.align) / self.stride


class ConvTranspose1d(_Kernel):
    """Upsampling by `stride` with a kernel of twice the stride, weights [in, out, 2 stride].

    `forward` crops `stride // 2` samples on the left; the stream cannot, and so is late by as many.
    """

    def __init__(
        self, in_channels: int, out_channels: int, stride: int, weight_norm: bool = False, bias: bool = False
    ) -> None:
        super().__init__((in_channels, out_channels, 2 * stride), weight_norm, out_channels if bias else None)
        if stride % 2:
            raise RtraveError(f"stride {stride}: only even strides keep the length")
        self.out_channels, self.stride = out_channels, stride

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, T] -> [B, C', T * stride]."""
        return functional.conv_transpose1d(x, self.kernel(), self.bias, self.stride, self.stride // 2)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """[B, T, C] -> [B, T * stride, C']: a row gives two halves, the second overlaps the next row's first."""
        kernel = self.kernel()
        matrix = kernel.permute(0, 2, 1).reshape(kernel.shape[0], -1)
        first, second = (x @ matrix).chunk(2, dim=2)
        overlap = torch.cat((state["overlap"], second), dim=1)
        y = (first + overlap[:, :-1]).reshape(x.shape[0], -1, self.out_channels)
        return y if self.bias is None else y + self.bias, {"overlap": overlap[:, -1:]}

    def initial_state(self, batch: int, dtype: torch.dtype) -> State:
        """Nothing to overlap yet."""
        return {"overlap": torch.zeros(batch, 1, self.stride * self.out_channels, dtype=dtype)}

    def delay(self, incoming: Fraction) -> Fraction:
        """The incoming delay at the higher rate, and the half stride that `forward` crops."""
        return incoming * self.stride + self.stride // 2
