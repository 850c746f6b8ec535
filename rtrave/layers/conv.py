"""Convolutions, plain, dilated, strided, grouped and transposed, with optional weight norm.

Streaming by cached padding follows "Streamable neural audio synthesis with non-causal convolutions" (arXiv 2204.07064):
the whole padding of a convolution is kept as a cache of past samples, so that its output is the offline one, late by
the padding
on the right. Weight norm is kept as RAVE's checkpoints name it: `weight_g`, `weight_v`, over all dimensions but the
first.

A block goes through one matrix product: per output sample a row of all the inputs that its kernel covers, times the
kernel as a matrix; or, where what runs it has a fast form for that, through the convolution operator. `prepare` makes
the matrix or the operator's kernel once, where many blocks will follow.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
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


def convolved(extended: Tensor, kernel: Tensor, stride: int = 1, dilation: int = 1, groups: int = 1) -> Tensor:
    """A convolution without padding, as an operator: [B, 1, T, C] -> [B, 1, T', C'], kernel [C', C / groups, taps].

    The dimension of size 1 is the height of an image: what runs the graphs has its fast form for images alone.
    """
    image = extended.permute(0, 3, 1, 2)
    return functional.conv2d(image, kernel[:, :, None], None, (1, stride), 0, (1, dilation), groups).permute(0, 2, 3, 1)


def windows(extended: Tensor, outputs: int, taps: int, stride: int = 1, dilation: int = 1) -> Tensor:
    """Per output sample the inputs its kernel covers, tap-major: [B, T, C] -> [B, outputs, taps * C]."""
    batch = extended.shape[:-2]
    if outputs == 1 and dilation == 1:
        return extended[..., :taps, :].reshape(*batch, 1, -1)
    starts, steps = (torch.arange(count, device=extended.device) for count in (outputs, taps))
    index = (stride * starts[:, None] + dilation * steps).flatten()
    return extended.index_select(-2, index).reshape(*batch, outputs, -1)


class Kernel(nn.Module):
    """The weights of a convolution, [first, second, taps], plain or as direction and gain, and a bias where there is
    one."""

    taps: int  # samples that one output covers in a step

    def __init__(self, shape: tuple[int, int, int], weight_norm: bool, bias_size: int | None = None) -> None:
        super().__init__()
        weight = nn.Parameter(torch.empty(shape))
        nn.init.kaiming_uniform_(weight, a=5**0.5)
        gain = nn.Parameter(norm_but_first(weight.detach()))
        self.weight = None if weight_norm else weight
        self.weight_g = gain if weight_norm else None
        self.weight_v = weight if weight_norm else None
        self.bias = None if bias_size is None else nn.Parameter(torch.zeros(bias_size))
        self.prepared: tuple[Tensor, ...] = ()
        self.operator: Tensor | None = None

    def kernel(self) -> Tensor:
        """The weights, weight norm applied."""
        if self.weight_v is not None and self.weight_g is not None:
            return self.weight_v * (self.weight_g / norm_but_first(self.weight_v))
        return cast(Tensor, self.weight)

    @abstractmethod
    def matrices(self) -> tuple[Tensor, ...]:
        """The weights as `step` multiplies by them, for each group [taps * C / groups, C' / groups]."""

    @torch.no_grad()
    def prepare(self, operator: bool = False) -> None:
        """Keep the matrices for the steps to come: weights, dtype and device must not change any more.

        As an `operator` the steps to come convolve (`convolved`), and take [B, 1, T, C] alone.
        """
        matrices = self.matrices()
        if operator:
            kernels = [matrix.reshape(self.taps, -1, matrix.shape[1]).permute(2, 1, 0) for matrix in matrices]
            self.operator = torch.cat(kernels).contiguous()
        else:
            self.prepared = tuple(matrix.contiguous() for matrix in matrices)

    def product(self, groups: Sequence[Tensor]) -> Tensor:
        """Windows of each group, [B, T, taps * C / groups] -> [B, T, C']."""
        products = [rows @ part for rows, part in zip(groups, self.prepared or self.matrices(), strict=True)]
        return products[0] if len(products) == 1 else torch.cat(products, dim=-1)

    def biased(self, y: Tensor) -> Tensor:
        """[B, T, C'], with the bias where there is one."""
        return y if self.bias is None else y + self.bias


class Conv1d(Kernel):
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
        self.taps = kernel_size

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, T] -> [B, C', T / stride]."""
        # As an image of height 1: padding, and the way back, keep the order that x has in memory.
        image, kernel = functional.pad(x.unsqueeze(2), self.padding), self.kernel().unsqueeze(2)
        y = functional.conv2d(image, kernel, self.bias, (1, self.stride), 0, (1, self.dilation), self.groups)
        return y.squeeze(2)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """[B, T, C] -> [B, T / stride, C']; T is a multiple of the stride."""
        if self.cached:
            extended = torch.cat((state["cache"], x), dim=-2)
            state = {"cache": extended[..., x.shape[-2] :, :]}
        else:
            extended = x
        outputs = x.shape[-2] // self.stride
        if self.operator is not None:
            y = convolved(extended, self.operator, self.stride, self.dilation, self.groups)[..., :outputs, :]
            return self.biased(y), state
        parts = (extended,) if self.groups == 1 else extended.chunk(self.groups, -1)
        return self.biased(self.product([self._windows(part, outputs) for part in parts])), state

    def _windows(self, extended: Tensor, outputs: int) -> Tensor:
        if self.kernel_size == 1 and self.stride == 1:
            return extended
        return windows(extended, outputs, self.kernel_size, self.stride, self.dilation)

    def matrices(self) -> tuple[Tensor, ...]:
        """For each group [taps * C / groups, C' / groups]."""
        return tuple(part.permute(2, 1, 0).flatten(0, 1) for part in self.kernel().chunk(self.groups))

    def initial_state(self, batch: int, dtype: torch.dtype) -> State:
        """Silence before the first sample."""
        if not self.cached:
            return {}
        return {"cache": torch.zeros(batch, self.cached, self.in_channels, dtype=dtype)}

    def delay(self, incoming: Fraction) -> Fraction:
        """The incoming delay and the padding on the right, at the lower rate."""
        return (incoming + self.padding[1] + self.align) / self.stride

    def receptive_field(self, past: int) -> int:
        """(past + 1) stride - 1 + cached: the oldest tap is `cached` samples before the first of a stride."""
        return (past + 1) * self.stride - 1 + self.cached


class ConvTranspose1d(Kernel):
    """Upsampling by `stride` with a kernel of twice the stride, weights [in, out, 2 stride].

    `forward` crops `stride // 2` samples on the left; the stream cannot, and so is late by as many.
    """

    def __init__(
        self, in_channels: int, out_channels: int, stride: int, weight_norm: bool = False, bias: bool = False
    ) -> None:
        super().__init__((in_channels, out_channels, 2 * stride), weight_norm, out_channels if bias else None)
        if stride % 2:
            raise RtraveError(f"stride {stride}: only even strides keep the length")
        self.in_channels, self.out_channels, self.stride = in_channels, out_channels, stride
        self.taps = 2

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, T] -> [B, C', T * stride]."""
        image, kernel = x.unsqueeze(2), self.kernel().unsqueeze(2)
        y = functional.conv_transpose2d(image, kernel, self.bias, (1, self.stride), (0, self.stride // 2))
        return y.squeeze(2)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """[B, T, C] -> [B, T * stride, C']: each sample and the one before it give `stride` samples."""
        extended = torch.cat((state["cache"], x), dim=-2)
        if self.operator is not None:
            y = convolved(extended, self.operator)
        else:
            y = self.product([windows(extended, x.shape[-2], 2)])
        y = y.reshape(*x.shape[:-2], -1, self.out_channels)
        return self.biased(y), {"cache": extended[..., x.shape[-2] :, :]}

    def matrices(self) -> tuple[Tensor, ...]:
        """[2 C, stride * C']: the kernel's second half for the sample before, its first half for the present one."""
        kernel = self.kernel().permute(0, 2, 1)
        return (torch.cat((kernel[:, self.stride :], kernel[:, : self.stride])).flatten(1),)

    def initial_state(self, batch: int, dtype: torch.dtype) -> State:
        """Silence before the first sample."""
        return {"cache": torch.zeros(batch, 1, self.in_channels, dtype=dtype)}

    def delay(self, incoming: Fraction) -> Fraction:
        """The incoming delay at the higher rate, and the half stride that `forward` crops."""
        return incoming * self.stride + self.stride // 2

    def receptive_field(self, past: int) -> int:
        """floor(past / stride) + 1: the sample that an output belongs to, and the one before it."""
        return past // self.stride + 1
