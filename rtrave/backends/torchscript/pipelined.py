"""A TorchScript backend with a latency of one hop, so that the audio never waits for its worker. Needs no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from rtrave.backends.backend import Signal, States
from rtrave.backends.pipeline import HopWork, Pipeline, ThreadedPipeline
from rtrave.backends.torchscript.backend import TorchScriptBackend


class PipelinedBackend:
    """A TorchScript backend with a latency of one hop; see `ThreadedPipeline`. Its single calls wait for their result.

    Parameters
    ----------
    inner : TorchScriptBackend
        Does the work.
    offline : bool
        Nothing waits for the sound, so the time of a hop has no limit.
    """

    def __init__(self, inner: TorchScriptBackend, offline: bool) -> None:
        self.inner, self._offline = inner, offline
        self.facts = inner.facts
        self.capabilities = replace(inner.capabilities, latency_hops=1)

    def encode(self, x: Signal) -> tuple[Signal, Signal]:
        """See `Backend`."""
        return self.inner.encode(x)

    def draw_shapes(self) -> dict[str, tuple[int, int]]:
        """See `Backend`."""
        return self.inner.draw_shapes()

    def decode(self, z: Signal, draws: Mapping[str, Signal]) -> Signal:
        """See `Backend`."""
        return self.inner.decode(z, draws)

    def state(self) -> States:
        """See `Backend`."""
        return self.inner.state()

    def reset(self) -> None:
        """See `Backend`."""
        self.inner.reset()

    def snapshot(self) -> States:
        """See `Backend`."""
        return self.inner.snapshot()

    def restore(self, states: Mapping[str, Signal]) -> None:
        """See `Backend`."""
        self.inner.restore(states)

    def clone(self) -> PipelinedBackend:
        """See `Backend`."""
        return PipelinedBackend(self.inner.clone(), self._offline)

    def pipeline(self, work: HopWork) -> Pipeline:
        """See `Backend`: results one hop later."""
        hop_s = self.facts.hop / self.facts.spec.sample_rate
        return ThreadedPipeline(work, hop_s, None if self._offline else self.inner.limit_calls)
