"""Timing hops of the engine, turn about with a peer, and what follows from the times."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rtrave.engine.engine import Engine, open_engine

ROUND_S = 0.25  # a round is short, so that both sides meet the same computer
WARM_UP_HOPS = 20
MARGIN = 0.5  # a hop that takes at most so much of itself leaves room for everything else
LIMIT = 0.9

# Seconds of each of so many hops
Run = Callable[[int], list[float]]


@dataclass(frozen=True)
class Timing:
    """Times of many hops, in ms.

    Attributes
    ----------
    median_ms : float
        Of the rounds' medians.
    p99_ms, p999_ms : float
        Percentiles of all hops.
    hops : int
    """

    median_ms: float
    p99_ms: float
    p999_ms: float
    hops: int


def timing(rounds: list[list[float]]) -> Timing:
    """From the seconds of each hop, round by round."""
    every = 1e3 * np.concatenate([np.asarray(times) for times in rounds])
    median_ms = float(np.median([1e3 * np.median(times) for times in rounds]))
    return Timing(median_ms, float(np.percentile(every, 99)), float(np.percentile(every, 99.9)), len(every))


def engine_run(graph: Path, threads: int) -> tuple[Engine, Run]:
    """An engine on a folder of the cache, warmed up, and the call that times its hops on noise."""
    engine = open_engine(graph, threads=threads, offline=True)
    noise = np.random.default_rng(0).standard_normal((8, engine.channels, engine.hop))
    blocks = [np.ascontiguousarray(0.1 * block, np.float32) for block in noise]
    controls, y = engine.layout.defaults(), np.zeros((engine.channels, engine.hop), np.float32)
    controls = np.asarray(controls, np.float64)

    def run(hops: int) -> list[float]:
        times_s = []
        for index in range(hops):
            x = blocks[index % len(blocks)]
            start_s = time.perf_counter()
            engine.process(x, controls, y)
            times_s.append(time.perf_counter() - start_s)
        return times_s

    run(WARM_UP_HOPS)
    return engine, run


def take_turns(sides: list[Run], hops: int, told: Callable[[int], None] = lambda done: None) -> list[list[list[float]]]:
    """Times of each side, round by round, in turns; `hops` of each side in all. `told` hears how many are done."""
    sizes = [max(1, round(ROUND_S / np.median(side(5)))) for side in sides]
    size = max(1, min(*sizes, hops) if len(sizes) > 1 else min(sizes[0], hops))
    times: list[list[list[float]]] = [[] for _ in sides]
    done = 0
    while done < hops:
        count = min(size, hops - done)
        for kept, side in zip(times, sides, strict=True):
            kept.append(side(count))
        done += count
        told(done)
    return times


def ratio_of(ours: list[list[float]], theirs: list[list[float]]) -> float:
    """How long ours takes against theirs: the median over the rounds of the ratio of medians."""
    return float(np.median([np.median(a) / np.median(b) for a, b in zip(ours, theirs, strict=True)]))


def verdict(times: Timing, hop_ms: float) -> str:
    """Whether a hop is ready in time: its 99.9th percentile against the hop."""
    if times.p999_ms <= MARGIN * hop_ms:
        return "fits with margin"
    return "fits" if times.p999_ms <= LIMIT * hop_ms else "does not fit"
