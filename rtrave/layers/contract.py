"""Numerical check of the contract between `forward` and `step` of a layer: `verify_contract`."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

import torch
from torch import Tensor

from rtrave.errors import RtraveError
from rtrave.layers.state import StreamingLayer, flatten

IMPULSE = 1e3  # against a signal of deviation 1, so that rounding does not hide its effect
TOLERANCE = {torch.float64: 1e-10, torch.float32: 1e-4}  # of the peak of the reference


class ContractError(RtraveError):
    """A layer broke its contract; the message names the clause."""


@dataclass(frozen=True)
class Signal:
    """Random test signal for a layer.

    Attributes
    ----------
    channels : int
        Input channels.
    multiple : int
        Samples of the smallest block; the length of every block is a multiple of it.
    blocks : int
        Length of the signal in smallest blocks.
    settle : int
        Smallest blocks at the start that are not compared with the offline output, at least the receptive field:
        `forward` crops samples of an upsampling layer at its start and pads later layers with zeros, a stream does not.
    whole_field : bool
        Demand an effect of the farthest sample of the receptive field: see `verify_receptive_field`.
    dtype : torch.dtype
        float32 or float64.
    batch, seed : int
    """

    channels: int
    multiple: int = 1
    blocks: int = 64
    settle: int = 0
    whole_field: bool = True
    dtype: torch.dtype = torch.float64
    batch: int = 2
    seed: int = 0


@dataclass(frozen=True)
class Measured:
    """Result of the check.

    Attributes
    ----------
    delay : int
        Lag of the stream against `forward`, in output samples.
    error : float
        Largest deviation of all comparisons, relative to the peak.
    compared : int
        Number of values compared.
    """

    delay: int
    error: float
    compared: int


class _Comparison:
    """Collector of comparisons. It refuses empty ones and all zeros, which prove nothing."""

    def __init__(self, tolerance: float) -> None:
        self.tolerance, self.error, self.compared = tolerance, 0.0, 0

    def __call__(self, clause: str, output: Tensor, expected: Tensor) -> None:
        if output.shape != expected.shape:
            raise ContractError(f"{clause}: expected the shape {tuple(expected.shape)}, got {tuple(output.shape)}")
        if output.numel() == 0 or not bool(expected.any()):
            raise ContractError(f"{clause}: expected values to compare, got none but zeros: use a longer signal")
        error = relative_error(output, expected)
        if not error <= self.tolerance:
            raise ContractError(f"{clause}: expected an error below {self.tolerance:.0e} of the peak, got {error:.2e}")
        self.error = max(self.error, error)
        self.compared += output.numel()


def relative_error(output: Tensor, expected: Tensor) -> float:
    """Return the largest deviation, relative to the peak of `expected`."""
    return float((output - expected).abs().max() / expected.abs().max())


def run_stream(layer: StreamingLayer, x: Tensor, cuts: list[int]) -> Tensor:
    """Process [B, C, T] by `step` in blocks of the given lengths from the initial state: [B, C', T']."""
    state = layer.initial_state(x.shape[0], x.dtype)
    outputs = []
    for block in x.transpose(1, 2).split(cuts, dim=1):
        y, state = layer.step(block, state)
        outputs.append(y)
    return torch.cat(outputs, dim=1).transpose(1, 2)


def random_cuts(blocks: int, multiple: int, generator: torch.Generator) -> list[int]:
    """Return random block lengths, multiples of `multiple`, with the sum `blocks * multiple`."""
    cuts = []
    while blocks:
        size = int(torch.randint(1, min(blocks, 9) + 1, (1,), generator=generator))
        cuts.append(size * multiple)
        blocks -= size
    return cuts


def measure_delay(streamed: Tensor, offline: Tensor, limit: int) -> int:
    """Return the shift, 0 .. limit samples, at which the stream fits the offline output best."""
    length = streamed.shape[2] - limit
    if length <= 0:
        raise ContractError(f"delay: expected more than {limit} samples, got {streamed.shape[2]}: use a longer signal")
    errors = [
        float((streamed[:, :, shift : shift + length] - offline[:, :, :length]).square().sum())
        for shift in range(limit + 1)
    ]
    return min(range(limit + 1), key=errors.__getitem__)


@torch.no_grad()
def verify_contract(layer: StreamingLayer, signal: Signal) -> Measured:
    """Check `forward` and `step` of a layer against each other and against the delay and field that it reports.

    Clauses: the stream does not depend on how the signal is cut. It equals the offline output, late by exactly the
    reported delay. No output depends on later inputs, nor on inputs further back than the reported receptive field.
    A stream from the initial state repeats itself and leaves the given states unchanged. Streams and rows of a batch
    are independent.

    Raises
    ------
    ContractError
        A clause is broken.
    """
    generator = torch.Generator().manual_seed(signal.seed)
    length = signal.multiple * signal.blocks
    shape = (signal.batch, signal.channels, length)
    x, other = (torch.randn(shape, generator=generator, dtype=signal.dtype) for _ in range(2))
    compare = _Comparison(TOLERANCE[signal.dtype])
    offline = layer.forward(x)
    whole = run_stream(layer, x, [length])
    cuts = random_cuts(signal.blocks, signal.multiple, generator)

    compare("partition", run_stream(layer, x, cuts), whole)
    compare("smallest blocks", run_stream(layer, x, [signal.multiple] * signal.blocks), whole)

    whole_delay = layer.delay(Fraction(0))
    if whole_delay.denominator != 1:
        raise ContractError(f"delay: expected a whole number of output samples, got {whole_delay}")
    reported = int(whole_delay)
    settled = signal.settle * offline.shape[2] // signal.blocks
    measured = measure_delay(whole[:, :, settled:], offline[:, :, settled:], 2 * reported + 8)
    if measured != reported:
        raise ContractError(f"delay: expected the reported {reported} samples, got {measured} by measurement")
    compare("offline", whole[:, :, settled + reported :], offline[:, :, settled : offline.shape[2] - reported])

    half = signal.multiple * (signal.blocks // 2)
    changed = torch.cat((x[:, :, :half], other[:, :, half:]), dim=2)
    known = math.floor(half * offline.shape[2] / length) - reported
    compare("causality", layer.forward(changed)[:, :, : max(known, 0)], offline[:, :, : max(known, 0)])

    verify_receptive_field(layer, x, other, signal.multiple, signal.whole_field)
    _verify_isolation(layer, x, other, cuts, whole, compare)
    return Measured(measured, compare.error, compare.compared)


@torch.no_grad()
def verify_receptive_field(
    layer: StreamingLayer, x: Tensor, other: Tensor, multiple: int, whole_field: bool = True
) -> None:
    """Check the receptive field that a layer reports, for each output sample of the last two smallest blocks.

    Other inputs further back than the field must leave the output unchanged to the bit. An impulse at the far end of
    the field must change it; if the field is unbounded, an impulse at the first sample must.

    Parameters
    ----------
    x, other : Tensor [B, C, T]
        Two different signals, longer than the receptive field by two smallest blocks.
    multiple : int
        Input samples of the smallest block.
    whole_field : bool
        Demand an effect of the far end. False suits filters whose outer taps are 0.

    Raises
    ------
    ContractError
        The reported field is too small or too large, or does not fit into the signal.
    """
    length = x.shape[2]
    whole = run_stream(layer, x, [length])
    pasts: dict[int | None, list[int]] = {}
    for past in range(2 * multiple * whole.shape[2] // length):
        pasts.setdefault(layer.receptive_field(past), []).append(whole.shape[2] - 1 - past)
    for field, at in pasts.items():
        oldest = 0 if field is None else length - 1 - field
        if oldest < 0:
            raise ContractError(f"receptive field: expected less than {length}, got {field}: use a longer signal")
        before = torch.cat((other[:, :, :oldest], x[:, :, oldest:]), dim=2)
        if not torch.equal(run_stream(layer, before, [length])[:, :, at], whole[:, :, at]):
            raise ContractError(f"receptive field: expected no effect from beyond {field} samples, got one")
        impulse = x.clone()
        impulse[:, :, oldest] += IMPULSE
        moved = (run_stream(layer, impulse, [length]) != whole).any(dim=0).any(dim=0)
        if whole_field and not bool(moved[at].all()):
            raise ContractError(f"receptive field: expected an effect from {field} samples back, got none")


def _verify_isolation(
    layer: StreamingLayer, x: Tensor, other: Tensor, cuts: list[int], whole: Tensor, compare: _Comparison
) -> None:
    """Check that the initial state resets, `step` keeps given states, and streams and rows are independent."""
    first, second = (layer.initial_state(x.shape[0], x.dtype) for _ in range(2))
    outputs: tuple[list[Tensor], list[Tensor]] = ([], [])
    position = 0
    for size in cuts:
        before = {name: leaf.clone() for name, leaf in flatten(first).items()}
        given = first
        y, first = layer.step(x[:, :, position : position + size].transpose(1, 2), given)
        if any(not torch.equal(leaf, before[name]) for name, leaf in flatten(given).items()):
            raise ContractError("state: expected the given state unchanged, got a changed one: return a new one")
        outputs[0].append(y)
        y, second = layer.step(other[:, :, position : position + size].transpose(1, 2), second)
        outputs[1].append(y)
        position += size
    compare("two streams", torch.cat(outputs[0], dim=1).transpose(1, 2), whole)
    compare("reset", torch.cat(outputs[1], dim=1).transpose(1, 2), run_stream(layer, other, [other.shape[2]]))
    mixed = torch.cat((x[:1], other[1:])) if len(x) > 1 else x
    compare("rows of a batch", run_stream(layer, mixed, cuts)[:1], whole[:1])
