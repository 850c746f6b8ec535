"""Pointwise layers: nothing to remember, no delay."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from rtrave.layers.state import State


class Pointwise(nn.Module):
    """A layer whose output at one instant depends on its input at that instant alone."""

    def initial_state(self, batch: int, dtype: torch.dtype) -> State:
        """Nothing."""
        return {}

    def delay(self, incoming: int) -> int:
        """As it came."""
        return incoming


class LeakyReLU(Pointwise):
    """x for x > 0, else `slope` x."""

    def __init__(self, slope: float = 0.2) -> None:
        super().__init__()
        self.slope = slope

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, T] -> [B, C, T]."""
        return functional.leaky_relu(x, self.slope)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """[B, T, C] -> [B, T, C]."""
        return functional.leaky_relu(x, self.slope), state


class Identity(Pointwise):
    """The input itself: the skip of a residual unit."""

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, T] -> [B, C, T]."""
        return x

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """[B, T, C] -> [B, T, C]."""
        return x, state


class AmplitudeModulation(Pointwise):
    """tanh(wave * sigmoid(amplitude)), wave and amplitude being the two halves of the channels."""

    def forward(self, x: Tensor) -> Tensor:
        """[B, 2 C, T] -> [B, C, T]."""
        wave, amplitude = x.chunk(2, dim=1)
        return torch.tanh(wave * torch.sigmoid(amplitude))

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """[B, T, 2 C] -> [B, T, C]."""
        wave, amplitude = x.chunk(2, dim=2)
        return torch.tanh(wave * torch.sigmoid(amplitude)), state
