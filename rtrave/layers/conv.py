"""Convolutions, plain, dilated, strided, grouped and transposed, with optional weight norm.

Streaming by cached padding follows "Streamable neural audio synthesis with non-causal convolutions" (arXiv 2204.07064):
a cache of past samples replaces the whole padding of a convolution, so that the output equals the offline one, late by
the padding on the right. Weight norm has the names of RAVE's checkpoints, `weight_g` and `weight_v`, and is taken over
all dimensions but the first.

A step computes one matrix product: per output sample a row of all the inputs that the kernel covers, times the kernel
as a matrix. Backends with a fast convolution operator use that instead. `prepare` computes the matrix or the operator's
kernel once for many blocks.
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
from rtrave.layers.state import State, leaf

PADDINGS = ("causal", "centered")


def padding(kernel_size: int, dilation: int, mode: str) -> tuple[int, int]:
    """Return the zeros before and after a signal with which a convolution without stride keeps its length."""
    if mode not in PADDINGS:
        raise RtraveError(f"padding: expected {' or '.join(PADDINGS)}, got {mode!r}")
    span = (kernel_size - 1) * dilation
    right = 0 if mode == "causal" or kernel_size == 1 else (span + 1) // 2
    return span - right, right


def norm_but_first(weight: Tensor) -> Tensor:
    """Return the Euclidean norm over all dimensions but the first, [A, B, K] -> [A, 1, 1]."""
    return torch.linalg.vector_norm(weight, dim=(1, 2), keepdim=True)


def fold_weight_norm(state_dict: dict[str, Tensor]) -> dict[str, Tensor]:
    """Replace each pair `weight_g`, `weight_v` by its product, `weight`; other entries stay unchanged."""
    folded = {}
    for name, value in state_dict.items():
        if name.endswith("weight_v"):
            stem = name.removesuffix("_v")
            folded[stem] = value * (state_dict[stem + "_g"] / norm_but_first(value))
        elif not name.endswith("weight_g"):
            folded[name] = value
    return folded


def convolved(extended: Tensor, kernel: Tensor, stride: int = 1, dilation: int = 1, groups: int = 1) -> Tensor:
    """Convolve without padding by the operator: [B, 1, T, C] -> [B, 1, T', C'], kernel [C', C / groups, taps].

    The dimension of size 1 is the height of an image: ONNX Runtime is fast for images alone.
    """
    image = extended.permute(0, 3, 1, 2)
    return functional.conv2d(image, kernel[:, :, None], None, (1, stride), 0, (1, dilation), groups).permute(0, 2, 3, 1)


def windows(extended: Tensor, outputs: int, taps: int, stride: int = 1, dilation: int = 1) -> Tensor:
    """Return the inputs that the kernel covers for each output, tap-major: [B, T, C] -> [B, outputs, taps * C]."""
    batch = extended.shape[:-2]
    if outputs == 1 and dilation == 1:
        return extended[..., :taps, :].reshape(*batch, 1, -1)
    starts, steps = (torch.arange(count, device=extended.device) for count in (outputs, taps))
    index = (stride * starts[:, None] + dilation * steps).flatten()
    return extended.index_select(-2, index).reshape(*batch, outputs, -1)


class Kernel(nn.Module):
    """Weights of a convolution, [first, second, taps], plain or as direction and gain, with an optional bias."""

    taps: int  # input samples of one output of a step

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
        """Return the weights with weight norm applied."""
        if self.weight_v is not None and self.weight_g is not None:
            return self.weight_v * (self.weight_g / norm_but_first(self.weight_v))
        return cast(Tensor, self.weight)

    @abstractmethod
    def matrices(self) -> tuple[Tensor, ...]:
        """Return the matrix of a step for each group, [taps * C / groups, C' / groups]."""

    @torch.no_grad()
    def prepare(self, operator: bool = False) -> None:
        """Compute the matrices of all later steps: weights, dtype and device must not change after it.

        With `operator` the later steps use `convolved`, and take [B, 1, T, C] only.
        """
        matrices = self.matrices()
        if operator:
            kernels = [matrix.reshape(self.taps, -1, matrix.shape[1]).permute(2, 1, 0) for matrix in matrices]
            self.operator = torch.cat(kernels).contiguous()
        else:
            self.prepared = tuple(matrix.contiguous() for matrix in matrices)

    def product(self, groups: Sequence[Tensor]) -> Tensor:
        """Multiply the windows of each group by its matrix, [B, T, taps * C / groups] -> [B, T, C']."""
        products = [rows @ part for rows, part in zip(groups, self.prepared or self.matrices(), strict=True)]
        return products[0] if len(products) == 1 else torch.cat(products, dim=-1)

    def biased(self, y: Tensor) -> Tensor:
        """Add the bias, if there is one, to [B, T, C']."""
        return y if self.bias is None else y + self.bias


class Conv1d(Kernel):
    """Convolution, weights [out, in / groups, kernel].

    Parameters
    ----------
    in_channels, out_channels, kernel_size, stride, dilation, groups : int
        As in `torch.nn.Conv1d`. Stride and dilation cannot be combined.
    mode : {"causal", "centered"}
        Padding before the signal, or on both sides.
    weight_norm, bias : bool
    pads : (int, int), optional
        Zeros before and after, which replace those of `mode`.
    align : int
        Samples by which the stream delays its input, so that the delay is a multiple of the stride.
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
            raise RtraveError(f"convolution: expected stride or dilation, got stride {stride} and dilation {dilation}")
        self.in_channels, self.kernel_size, self.stride, self.dilation = in_channels, kernel_size, stride, dilation
        self.groups, self.align = groups, align
        self.padding = pads or padding(kernel_size, dilation, mode)
        self.cached = sum(self.padding) + align
        self.taps = kernel_size

    def forward(self, x: Tensor) -> Tensor:
        """Convolve [B, C, T] -> [B, C', T / stride]."""
        # As an image of height 1: padding and `squeeze` then preserve the memory layout of x.
        image, kernel = functional.pad(x.unsqueeze(2), self.padding), self.kernel().unsqueeze(2)
        y = functional.conv2d(image, kernel, self.bias, (1, self.stride), 0, (1, self.dilation), self.groups)
        return y.squeeze(2)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """Convolve [B, T, C] -> [B, T / stride, C']; T is a multiple of the stride."""
        if self.cached:
            extended = torch.cat((leaf(state, "cache"), x), dim=-2)
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
        """Return the kernel of each group as a matrix, [taps * C / groups, C' / groups]."""
        return tuple(part.permute(2, 1, 0).flatten(0, 1) for part in self.kernel().chunk(self.groups))

    def initial_state(self, batch: int, dtype: torch.dtype) -> State:
        """Return silence as the past."""
        if not self.cached:
            return {}
        return {"cache": torch.zeros(batch, self.cached, self.in_channels, dtype=dtype)}

    def delay(self, incoming: Fraction) -> Fraction:
        """Return (incoming + right padding + align) / stride."""
        return (incoming + self.padding[1] + self.align) / self.stride

    def receptive_field(self, past: int) -> int:
        """Return (past + 1) stride - 1 + cached: the oldest tap lies `cached` samples before the first of a stride."""
        return (past + 1) * self.stride - 1 + self.cached


class ConvTranspose1d(Kernel):
    """Upsampling by `stride` with a kernel of twice the stride, weights [in, out, 2 stride].

    `forward` crops `stride // 2` samples on the left. The stream cannot do so and lags by as many.
    """

    def __init__(
        self, in_channels: int, out_channels: int, stride: int, weight_norm: bool = False, bias: bool = False
    ) -> None:
        super().__init__((in_channels, out_channels, 2 * stride), weight_norm, out_channels if bias else None)
        if stride % 2:
            raise RtraveError(f"transposed convolution: expected an even stride, got {stride}")
        self.in_channels, self.out_channels, self.stride = in_channels, out_channels, stride
        self.taps = 2

    def forward(self, x: Tensor) -> Tensor:
        """Upsample [B, C, T] -> [B, C', T * stride]."""
        image, kernel = x.unsqueeze(2), self.kernel().unsqueeze(2)
        y = functional.conv_transpose2d(image, kernel, self.bias, (1, self.stride), (0, self.stride // 2))
        return y.squeeze(2)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """Upsample [B, T, C] -> [B, T * stride, C']: each sample and the one before it determine `stride` samples."""
        extended = torch.cat((leaf(state, "cache"), x), dim=-2)
        if self.operator is not None:
            y = convolved(extended, self.operator)
        else:
            y = self.product([windows(extended, x.shape[-2], 2)])
        y = y.reshape(*x.shape[:-2], -1, self.out_channels)
        return self.biased(y), {"cache": extended[..., x.shape[-2] :, :]}

    def matrices(self) -> tuple[Tensor, ...]:
        """Return [2 C, stride * C']: the kernel's second half for the previous sample, its first for the present."""
        kernel = self.kernel().permute(0, 2, 1)
        return (torch.cat((kernel[:, self.stride :], kernel[:, : self.stride])).flatten(1),)

    def initial_state(self, batch: int, dtype: torch.dtype) -> State:
        """Return silence as the past."""
        return {"cache": torch.zeros(batch, 1, self.in_channels, dtype=dtype)}

    def delay(self, incoming: Fraction) -> Fraction:
        """Return incoming * stride + stride / 2, which `forward` crops."""
        return incoming * self.stride + self.stride // 2

    def receptive_field(self, past: int) -> int:
        """Return floor(past / stride) + 1: an output depends on the sample at its place and on the previous one."""
        return past // self.stride + 1
