"""The protocol of everything that runs a model hop by hop. Needs no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from rtrave.backends.facts import ModelFacts
from rtrave.backends.pipeline import HopWork, Pipeline
from rtrave.errors import RtraveError

Signal = NDArray[np.float32]
States = dict[str, NDArray[np.float32]]


@dataclass(frozen=True)
class Capabilities:
    """Features of a backend besides encoding and decoding.

    Attributes
    ----------
    streams : int
        Signals side by side, which share nothing but the weights.
    second_input : bool
        A clone can encode a second input beside the first.
    snapshots : bool
        `snapshot` and `restore` work; otherwise they raise RtraveError.
    latency_hops : int
        Hops between an input and its result in the pipeline.
    """

    streams: int = 1
    second_input: bool = True
    snapshots: bool = True
    latency_hops: int = 0


class Backend(Protocol):
    """Encoder and decoder of a model, one hop at a time, time-major float32, with their state.

    One thread at a time. `encode` and `decode` may be called at different times.

    Attributes
    ----------
    facts : ModelFacts
    capabilities : Capabilities
    """

    facts: ModelFacts
    capabilities: Capabilities

    def encode(self, x: Signal) -> tuple[Signal, Signal]:
        """Audio [B, hop, C] -> mean and deviation of the posterior [B, N, D]; valid until the next call."""

    def draw_shapes(self) -> dict[str, tuple[int, int]]:
        """Return the random numbers that `decode` needs per latent frame: kind -> (rows, width)."""

    def decode(self, z: Signal, draws: Mapping[str, Signal]) -> Signal:
        """Latents [B, N, D] and draws [B, N * rows, width] -> audio [B, hop, C]; valid until the next call."""

    def state(self) -> States:
        """Return all states by name: the arrays themselves, to be read or written between two calls."""

    def reset(self) -> None:
        """Return to the silence before the first sample."""

    def snapshot(self) -> States:
        """Return a copy of all states; RtraveError where the capabilities exclude it."""

    def restore(self, states: Mapping[str, Signal]) -> None:
        """Put a snapshot back; RtraveError where it is of another model or shape, and nothing changes."""

    def clone(self) -> Backend:
        """Return another stream's backend on the same weights; both may run at the same time."""

    def pipeline(self, work: HopWork) -> Pipeline:
        """Return the pipeline that plays whole hops of `work` on this backend, `latency_hops` later."""


def reset_states(states: States, initial: Mapping[str, Signal]) -> None:
    """Set states, in place, to those at the start of a stream: `initial` by name, zero for all others."""
    for name, array in states.items():
        array[...] = initial.get(name, 0)


def copy_states(states: States) -> States:
    """Return a copy of all states."""
    return {name: array.copy() for name, array in states.items()}


def restore_states(states: States, snapshot: Mapping[str, Signal]) -> None:
    """Write a snapshot into states; RtraveError where names or shapes differ, and nothing changes."""
    shapes, given = ({name: array.shape for name, array in found.items()} for found in (states, snapshot))
    if shapes != given:
        raise RtraveError(
            "snapshot: expected the states of this model and batch, got others: restore it on the stream it came from"
        )
    for name, array in states.items():
        array[...] = snapshot[name]
