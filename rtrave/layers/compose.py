"""Layers made of layers: one after another, and a sum of branches."""

from __future__ import annotations

from functools import reduce

import torch
from torch import Tensor, nn

from rtrave.layers.activations import Identity, LeakyReLU
from rtrave.layers.conv import Conv1d
from rtrave.layers.state import State, StreamingLayer, streaming


class Sequential(nn.Sequential):
    """One layer after another."""

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """[B, T, C] -> [B, T', C'], through every layer."""
        following: State = {}
        for name, layer in self.named_children():
            x, following[name] = streaming(layer).step(x, state[name])
        return x, following

    def initial_state(self, batch: int, dtype: torch.dtype) -> State:
        """Each layer's own."""
        return {name: streaming(layer).initial_state(batch, dtype) for name, layer in self.named_children()}

    def delay(self, incoming: int) -> int:
        """The delays one after another, each at its own rate."""
        for layer in self.children():
            incoming = streaming(layer).delay(incoming)
        return incoming


class SumOfBranches(nn.Module):
    """The sum of branches that read the same input; their delays must agree."""

    def __init__(self, *branches: nn.Module) -> None:
        super().__init__()
        self.branches = nn.ModuleList(branches)
        self.delay(0)

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, T] -> [B, C', T']."""
        return reduce(torch.add, (branch(x) for branch in self.branches))

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """[B, T, C] -> [B, T', C']."""
        following: State = {"branches": {}}
        outputs: list[Tensor] = []
        for name, branch in self.branches.named_children():
            y, following["branches"][name] = streaming(branch).step(x, state["branches"][name])
            outputs.append(y)
        return reduce(torch.add, outputs), following

    def initial_state(self, batch: int, dtype: torch.dtype) -> State:
        """Each branch's own."""
        branches = self.branches.named_children()
        return {"branches": {name: streaming(branch).initial_state(batch, dtype) for name, branch in branches}}

    def delay(self, incoming: int) -> int:
        """The delay that all branches share."""
        delays = {streaming(branch).delay(incoming) for branch in self.branches}
        if len(delays) != 1:
            raise ValueError(f"branches with the delays {sorted(delays)} cannot be summed: align them first")
        return delays.pop()


class Named(nn.Module):
    """One layer under a name of its own, so that the state dict reads as RAVE's does."""

    def __init__(self, name: str, layer: nn.Module) -> None:
        super().__init__()
        self.name = name
        self.add_module(name, layer)

    @property
    def layer(self) -> StreamingLayer:
        """The layer itself."""
        return streaming(self.get_submodule(self.name))

    def forward(self, x: Tensor) -> Tensor:
        """What the layer does, [B, C, T] -> [B, C', T']."""
        return self.layer.forward(x)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """What the layer does, [B, T, C] -> [B, T', C']."""
        y, following = self.layer.step(x, state[self.name])
        return y, {self.name: following}

    def initial_state(self, batch: int, dtype: torch.dtype) -> State:
        """The layer's."""
        return {self.name: self.layer.initial_state(batch, dtype)}

    def delay(self, incoming: int) -> int:
        """The layer's."""
        return self.layer.delay(incoming)


def residual(channels: int, kernel_size: int, dilation: int, weight_norm: bool) -> Named:
    """A dilated unit (activation, dilated convolution, activation, convolution of one tap) plus its input."""
    unit = Sequential(
        LeakyReLU(),
        Conv1d(channels, channels, kernel_size, dilation=dilation, weight_norm=weight_norm),
        LeakyReLU(),
        Conv1d(channels, channels, 1, weight_norm=weight_norm),
    )
    return Named("aligned", SumOfBranches(Named("net", unit), Identity()))
