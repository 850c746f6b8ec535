"""The contract every streaming layer keeps, checked by numbers: `verify_contract`."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

import torch
from torch import Tensor

from rtrave.errors import RtraveError
from rtrave.layers.state import StreamingLayer, flatten

IMPULSE = 1e3  # against a signal of 1: it is not lost in the rounding of what it comes through
TOLERANCE = {torch.float64: 1e-10, torch.float32: 1e-4}  # relative to the peak of the reference


class ContractError(RtraveError):
    """A layer broke its contract; the text says which clause and by how much."""


@dataclass(frozen=True)
class Signal:
    """What a layer is tried with.

    Attributes
    ----------
    channels : int
        Input channels.
    multiple : int
        A block's length must be a multiple of this many input samples.
    blocks : int
        Length of the signal, in such multiples.
    settle : int
        Multiples at the start where stream and offline output may differ: `forward` crops what an upsampling layer
        gives
        before its first sample, and pads what follows with zeros, where a stream keeps it. As long as the receptive
        field.
    whole_field : bool
        The farthest sample of the receptive field has an effect: see `verify_receptive_field`.
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
    """What the check found.

    Attributes
    ----------
    delay : int
        Lag of the stream against `forward`, in output samples.
    error : float
        Largest deviation of any comparison, relative to the peak.
    compared : int
        Numbers compared in all.
    """

    delay: int
    error: float
    compared: int


class _Comparison:
    """Collects comparisons; refuses empty ones, since they prove nothing."""

    def __init__(self, tolerance: float) -> None:
        self.tolerance, self.error, self.compared = tolerance, 0.0, 0

    def __call__(self, clause: str, came: Tensor, expected: Tensor) -> None:
        if came.shape != expected.shape:
            raise ContractError(f"{clause}: shape {tuple(came.shape)}, expected {tuple(expected.shape)}")
        if came.numel() == 0 or not bool(expected.any()):
            raise ContractError(f"{clause}: nothing to compare, use a longer signal")
        error = relative_error(came, expected)
        if not error <= self.tolerance:
            raise ContractError(f"{clause}: off by {error:.2e} of the peak, at most {self.tolerance:.0e} is allowed")
        self.error = max(self.error, error)
        self.compared += came.numel()


def relative_error(came: Tensor, expected: Tensor) -> float:
    """Largest deviation, relative to the peak of what was expected."""
    return float((came - expected).abs().max() / expected.abs().max())


def run_stream(layer: StreamingLayer, x: Tensor, cuts: list[int]) -> Tensor:
    """Stream [B, C, T] through `step` in blocks of the given lengths, from silence: [B, C', T']."""
    state = layer.initial_state(x.shape[0], x.dtype)
    outputs = []
    for block in x.transpose(1, 2).split(cuts, dim=1):
        y, state = layer.step(block, state)
        outputs.append(y)
    return torch.cat(outputs, dim=1).transpose(1, 2)


def random_cuts(blocks: int, multiple: int, generator: torch.Generator) -> list[int]:
    """Random block lengths, multiples of `multiple`, that sum to `blocks * multiple`."""
    cuts = []
    while blocks:
        size = int(torch.randint(1, min(blocks, 9) + 1, (1,), generator=generator))
        cuts.append(size * multiple)
        blocks -= size
    return cuts


def measure_delay(streamed: Tensor, offline: Tensor, limit: int) -> int:
    """The shift, 0 .. limit samples, at which the stream fits the offline output best."""
    length = streamed.shape[2] - limit
    if length <= 0:
        raise ContractError(f"delay: a signal of {streamed.shape[2]} samples is too short, use more than {limit}")
    errors = [
        float((streamed[:, :, shift : shift + length] - offline[:, :, :length]).square().sum())
        for shift in range(limit + 1)
    ]
    return min(range(limit + 1), key=errors.__getitem__)


@torch.no_grad()
def verify_contract(layer: StreamingLayer, signal: Signal) -> Measured:
    """Hold `forward` and `step` of a layer together.

    Clauses: the stream does not depend on how the signal is cut; it equals the offline output late by exactly the
    reported
    delay; nothing depends on the future; a stream from a fresh state repeats itself and leaves given states alone;
    streams and rows of a batch do not touch each other.

    Raises
    ------
    ContractError
        With the clause that is broken.
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
        raise ContractError(f"delay: {whole_delay} is no whole number of output samples")
    reported = int(whole_delay)
    settled = signal.settle * offline.shape[2] // signal.blocks
    measured = measure_delay(whole[:, :, settled:], offline[:, :, settled:], 2 * reported + 8)
    if measured != reported:
        raise ContractError(f"delay: {measured} samples were measured, {reported} are reported")
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
    """Check the receptive field that a layer reports against the outputs of the last two smallest blocks.

    For each of them, `past` samples before the end: another input further back than the field changes nothing, to the
    bit; an impulse at the far end of the field changes it. Without a bound, an impulse at the first sample changes it.

    Parameters
    ----------
    x, other : Tensor [B, C, T]
        Two signals, longer than the receptive field by two smallest blocks.
    multiple : int
        Input samples of the smallest block.
    whole_field : bool
        Demand that the far end matters: not for filters that end in taps of 0.

    Raises
    ------
    ContractError
        The reported field is too small or too large, or the signal is too short to tell.
    """
    length = x.shape[2]
    whole = run_stream(layer, x, [length])
    pasts: dict[int | None, list[int]] = {}
    for past in range(2 * multiple * whole.shape[2] // length):
        pasts.setdefault(layer.receptive_field(past), []).append(whole.shape[2] - 1 - past)
    for field, at in pasts.items():
        oldest = 0 if field is None else length - 1 - field
        if oldest < 0:
            raise ContractError(f"receptive field: {field} samples do not fit into {length}: use a longer signal")
        before = torch.cat((other[:, :, :oldest], x[:, :, oldest:]), dim=2)
        if not torch.equal(run_stream(layer, before, [length])[:, :, at], whole[:, :, at]):
            raise ContractError(f"receptive field: samples before the {field} that are reported have an effect")
        impulse = x.clone()
        impulse[:, :, oldest] += IMPULSE
        moved = (run_stream(layer, impulse, [length]) != whole).any(dim=0).any(dim=0)
        if whole_field and not bool(moved[at].all()):
            raise ContractError(f"receptive field: the farthest of the {field} samples that are reported has no effect")


def _verify_isolation(
    layer: StreamingLayer, x: Tensor, other: Tensor, cuts: list[int], whole: Tensor, compare: _Comparison
) -> None:
    """Reset is fresh, given states stay as they are, two streams and two rows are independent."""
    first, second = (layer.initial_state(x.shape[0], x.dtype) for _ in range(2))
    outputs: tuple[list[Tensor], list[Tensor]] = ([], [])
    position = 0
    for size in cuts:
        before = {name: leaf.clone() for name, leaf in flatten(first).items()}
        given = first
        y, first = layer.step(x[:, :, position : position + size].transpose(1, 2), given)
        if any(not torch.equal(leaf, before[name]) for name, leaf in flatten(given).items()):
            raise ContractError("state: step changed the state that it was given")
        outputs[0].append(y)
        y, second = layer.step(other[:, :, position : position + size].transpose(1, 2), second)
        outputs[1].append(y)
        position += size
    compare("two streams", torch.cat(outputs[0], dim=1).transpose(1, 2), whole)
    compare("reset", torch.cat(outputs[1], dim=1).transpose(1, 2), run_stream(layer, other, [other.shape[2]]))
    mixed = torch.cat((x[:1], other[1:])) if len(x) > 1 else x
    compare("rows of a batch", run_stream(layer, mixed, cuts)[:1], whole[:1])
