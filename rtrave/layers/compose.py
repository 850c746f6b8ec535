"""Layers made of layers: one after another, and branches that read the same input."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import reduce

import torch
from torch import Tensor, nn

from rtrave.errors import RtraveError
from rtrave.layers.activations import Identity, LeakyReLU, Pointwise
from rtrave.layers.conv import Conv1d
from rtrave.layers.state import State, StreamingLayer, chained_field, streaming, widest


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

    def delay(self, incoming: Fraction) -> Fraction:
        """The delays one after another, each at its own rate."""
        for layer in self.children():
            incoming = streaming(layer).delay(incoming)
        return incoming

    def receptive_field(self, past: int) -> int | None:
        """f_1(f_2(... f_n(past))), each at its own rate; None if one has no bound."""
        return chained_field(list(self.children()), past)


class Delay(Pointwise):
    """Holds a signal back, so that it meets another that took longer. Offline there is nothing to wait for."""

    def __init__(self, samples: int, channels: int) -> None:
        super().__init__()
        self.samples, self.channels = samples, channels

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, T] -> [B, C, T], as it came."""
        return x

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """[B, T, C] -> [B, T, C], late by `samples`."""
        if not self.samples:
            return x, state
        extended = torch.cat((state["waiting"], x), dim=-2)
        return extended[..., : x.shape[-2], :], {"waiting": extended[..., x.shape[-2] :, :]}

    def initial_state(self, batch: int, dtype: torch.dtype) -> State:
        """Silence."""
        return {"waiting": torch.zeros(batch, self.samples, self.channels, dtype=dtype)} if self.samples else {}

    def delay(self, incoming: Fraction) -> Fraction:
        """The incoming delay and its own."""
        return incoming + self.samples

    def receptive_field(self, past: int) -> int | None:
        """past + samples."""
        return past + self.samples


def waits(delays: Sequence[Fraction], widths: Sequence[int]) -> list[Delay]:
    """For branches with these delays and output channels, what makes each of them as late as the slowest."""
    slowest = max(delays)
    if any((slowest - delay).denominator != 1 for delay in delays):
        raise RtraveError(f"branches with the delays {', '.join(map(str, delays))} cannot be aligned")
    return [Delay(int(slowest - delay), width) for delay, width in zip(delays, widths, strict=True)]


class Branches(nn.Module):
    """The sum of branches that read the same input; in a stream the faster ones wait for the slowest.

    Parameters
    ----------
    branches : nn.Module
        With outputs of one rate and `channels` channels.
    channels : int
    """

    def __init__(self, *branches: nn.Module, channels: int) -> None:
        super().__init__()
        self.branches = nn.ModuleList(branches)
        delays = [streaming(branch).delay(Fraction(0)) for branch in branches]
        self.waits = nn.ModuleList(waits(delays, [channels] * len(branches)))

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, T] -> [B, C', T']."""
        return reduce(torch.add, (branch(x) for branch in self.branches))

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """[B, T, C] -> [B, T', C']."""
        following: State = {"branches": {}, "waits": {}}
        outputs: list[Tensor] = []
        for (name, branch), wait in zip(self.branches.named_children(), self.waits, strict=True):
            y, following["branches"][name] = streaming(branch).step(x, state["branches"][name])
            y, following["waits"][name] = streaming(wait).step(y, state["waits"][name])
            outputs.append(y)
        return reduce(torch.add, outputs), following

    def initial_state(self, batch: int, dtype: torch.dtype) -> State:
        """Each branch's own, and silence in what waits."""
        return {
            part: {n: streaming(layer).initial_state(batch, dtype) for n, layer in layers.named_children()}
            for part, layers in (("branches", self.branches), ("waits", self.waits))
        }

    def delay(self, incoming: Fraction) -> Fraction:
        """The delay of the slowest branch."""
        return max(streaming(branch).delay(incoming) for branch in self.branches)

    def receptive_field(self, past: int) -> int | None:
        """max_i f_i(past + d_i), where branch i waits for d_i samples."""
        pairs = zip(self.branches, self.waits, strict=True)
        return widest(chained_field((branch, wait), past) for branch, wait in pairs)


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

    def delay(self, incoming: Fraction) -> Fraction:
        """The layer's."""
        return self.layer.delay(incoming)

    def receptive_field(self, past: int) -> int | None:
        """The layer's."""
        return self.layer.receptive_field(past)


def residual(unit: nn.Module, channels: int) -> Named:
    """A unit plus its input, under the name RAVE gives it."""
    return Named("aligned", Branches(unit, Identity(), channels=channels))


def dilated_unit(channels: int, kernel_sizes: tuple[int, int], dilation: int, mode: str, norm: bool) -> Sequential:
    """Activation, dilated convolution, activation, convolution without dilation."""
    first, second = kernel_sizes
    return Sequential(
        LeakyReLU(),
        Conv1d(channels, channels, first, dilation=dilation, mode=mode, weight_norm=norm),
        LeakyReLU(),
        Conv1d(channels, channels, second, mode=mode, weight_norm=norm),
    )
