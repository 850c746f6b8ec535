"""Pointwise layers: no memory and no delay."""

from __future__ import annotations

from fractions import Fraction

import torch
from torch import Tensor, nn
from torch.nn import functional

from rtrave.layers.state import State


def mod_sigmoid(x: Tensor) -> Tensor:
    """Return 2 sigmoid(x) ** 2.3 + 1e-7, DDSP's output scaling (arXiv 2001.04643)."""
    return 2 * torch.sigmoid(x) ** 2.3 + 1e-7


class Pointwise(nn.Module):
    """A layer whose output at one instant depends on its input at that instant alone."""

    def initial_state(self, batch: int, dtype: torch.dtype) -> State:
        """Return an empty state."""
        return {}

    def delay(self, incoming: Fraction) -> Fraction:
        """Return the delay of the input unchanged."""
        return incoming

    def receptive_field(self, past: int) -> int | None:
        """Return `past`: an output depends on one input sample."""
        return past


class LeakyReLU(Pointwise):
    """x for x > 0, else `slope` x."""

    def __init__(self, slope: float = 0.2) -> None:
        super().__init__()
        self.slope = slope

    def forward(self, x: Tensor) -> Tensor:
        """Compute [B, C, T] -> [B, C, T]."""
        return functional.leaky_relu(x, self.slope)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """Compute [B, T, C] -> [B, T, C]."""
        return functional.leaky_relu(x, self.slope), state


class Snake(Pointwise):
    """x + sin(a x)**2 / a with a learned a per channel (arXiv 2006.08195)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.alpha = nn.Parameter(torch.ones(channels, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Compute [B, C, T] -> [B, C, T]."""
        return x + torch.sin(self.alpha * x) ** 2 / (self.alpha + 1e-9)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """Compute [B, T, C] -> [B, T, C]."""
        alpha = self.alpha[:, 0]
        return x + torch.sin(alpha * x) ** 2 / (alpha + 1e-9), state


class Identity(Pointwise):
    """Layer that returns its input: the skip of a residual unit."""

    def forward(self, x: Tensor) -> Tensor:
        """Compute [B, C, T] -> [B, C, T]."""
        return x

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """Compute [B, T, C] -> [B, T, C]."""
        return x, state
