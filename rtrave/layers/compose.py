"""Layers made of layers: in series, and in parallel on the same input."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import reduce

import torch
from torch import Tensor, nn

from rtrave.errors import RtraveError
from rtrave.layers.activations import Identity, LeakyReLU, Pointwise
from rtrave.layers.conv import Conv1d
from rtrave.layers.state import State, StreamingLayer, branch, chained_field, leaf, streaming, widest


class Sequential(nn.Sequential):
    """Layers in series."""

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """Process [B, T, C] -> [B, T', C'] with each layer in turn."""
        following: State = {}
        for name, layer in self.named_children():
            x, following[name] = streaming(layer).step(x, branch(state, name))
        return x, following

    def initial_state(self, batch: int, dtype: torch.dtype) -> State:
        """Return the states of the layers by their names."""
        return {name: streaming(layer).initial_state(batch, dtype) for name, layer in self.named_children()}

    def delay(self, incoming: Fraction) -> Fraction:
        """Return the delays of the layers in series, each at its own rate."""
        for layer in self.children():
            incoming = streaming(layer).delay(incoming)
        return incoming

    def receptive_field(self, past: int) -> int | None:
        """Return f_1(f_2(... f_n(past))), each at its own rate; None if one is unbounded."""
        return chained_field(list(self.children()), past)


class Delay(Pointwise):
    """Delay of the stream by `samples`, which aligns it with a slower branch; offline, branches are aligned already."""

    def __init__(self, samples: int, channels: int) -> None:
        super().__init__()
        self.samples, self.channels = samples, channels

    def forward(self, x: Tensor) -> Tensor:
        """Return the signal [B, C, T] unchanged."""
        return x

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """Process [B, T, C] -> [B, T, C], late by `samples`."""
        if not self.samples:
            return x, state
        extended = torch.cat((leaf(state, "waiting"), x), dim=-2)
        return extended[..., : x.shape[-2], :], {"waiting": extended[..., x.shape[-2] :, :]}

    def initial_state(self, batch: int, dtype: torch.dtype) -> State:
        """Return silence of `samples` samples."""
        return {"waiting": torch.zeros(batch, self.samples, self.channels, dtype=dtype)} if self.samples else {}

    def delay(self, incoming: Fraction) -> Fraction:
        """Return incoming + samples."""
        return incoming + self.samples

    def receptive_field(self, past: int) -> int | None:
        """Return past + samples."""
        return past + self.samples


def waits(delays: Sequence[Fraction], widths: Sequence[int]) -> list[Delay]:
    """Return the delay lines that make branches of these delays and channel counts as late as the slowest."""
    slowest = max(delays)
    if any((slowest - delay).denominator != 1 for delay in delays):
        found = ", ".join(map(str, delays))
        raise RtraveError(f"branches: expected delays that differ by whole samples, got {found}")
    return [Delay(int(slowest - delay), width) for delay, width in zip(delays, widths, strict=True)]


class Branches(nn.Module):
    """Sum of branches that read the same input; in a stream the faster ones wait for the slowest.

    Parameters
    ----------
    branches : nn.Module
        Their outputs have the same rate and `channels` channels.
    channels : int
        Output channels of each branch.
    """

    def __init__(self, *branches: nn.Module, channels: int) -> None:
        super().__init__()
        self.branches = nn.ModuleList(branches)
        delays = [streaming(branch).delay(Fraction(0)) for branch in branches]
        self.waits = nn.ModuleList(waits(delays, [channels] * len(branches)))

    def forward(self, x: Tensor) -> Tensor:
        """Process [B, C, T] -> [B, C', T']."""
        return reduce(torch.add, (branch(x) for branch in self.branches))

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """Process [B, T, C] -> [B, T', C']."""
        states, waiting = branch(state, "branches"), branch(state, "waits")
        next_states: State = {}
        next_waiting: State = {}
        outputs: list[Tensor] = []
        for (name, layer), wait in zip(self.branches.named_children(), self.waits, strict=True):
            y, next_states[name] = streaming(layer).step(x, branch(states, name))
            y, next_waiting[name] = streaming(wait).step(y, branch(waiting, name))
            outputs.append(y)
        return reduce(torch.add, outputs), {"branches": next_states, "waits": next_waiting}

    def initial_state(self, batch: int, dtype: torch.dtype) -> State:
        """Return the states of the branches, and silence for their delay lines."""
        return {
            part: {n: streaming(layer).initial_state(batch, dtype) for n, layer in layers.named_children()}
            for part, layers in (("branches", self.branches), ("waits", self.waits))
        }

    def delay(self, incoming: Fraction) -> Fraction:
        """Return the delay of the slowest branch."""
        return max(streaming(branch).delay(incoming) for branch in self.branches)

    def receptive_field(self, past: int) -> int | None:
        """Return max_i f_i(past + d_i), where branch i waits for d_i samples."""
        pairs = zip(self.branches, self.waits, strict=True)
        return widest(chained_field(pair, past) for pair in pairs)


class Named(nn.Module):
    """Layer under an additional name, which gives its weights the names of RAVE's state dict."""

    def __init__(self, name: str, layer: nn.Module) -> None:
        super().__init__()
        self.name = name
        self.add_module(name, layer)

    @property
    def layer(self) -> StreamingLayer:
        """Return the wrapped layer."""
        return streaming(self.get_submodule(self.name))

    def forward(self, x: Tensor) -> Tensor:
        """Process [B, C, T] -> [B, C', T'] with the layer."""
        return self.layer.forward(x)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """Process [B, T, C] -> [B, T', C'] with the layer."""
        y, following = self.layer.step(x, branch(state, self.name))
        return y, {self.name: following}

    def initial_state(self, batch: int, dtype: torch.dtype) -> State:
        """Return the state of the layer under its name."""
        return {self.name: self.layer.initial_state(batch, dtype)}

    def delay(self, incoming: Fraction) -> Fraction:
        """Return the delay of the layer."""
        return self.layer.delay(incoming)

    def receptive_field(self, past: int) -> int | None:
        """Return the receptive field of the layer."""
        return self.layer.receptive_field(past)


def residual(unit: nn.Module, channels: int) -> Named:
    """Return the sum of a unit and its input, under the name that RAVE gives it."""
    return Named("aligned", Branches(unit, Identity(), channels=channels))


def dilated_unit(channels: int, kernel_sizes: tuple[int, int], dilation: int, mode: str, norm: bool) -> Sequential:
    """Return activation, dilated convolution, activation and convolution without dilation, in series."""
    first, second = kernel_sizes
    return Sequential(
        LeakyReLU(),
        Conv1d(channels, channels, first, dilation=dilation, mode=mode, weight_norm=norm),
        LeakyReLU(),
        Conv1d(channels, channels, second, mode=mode, weight_norm=norm),
    )
