"""Timing of engine hops, interleaved with those of a peer, and the statistics of the times."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from rtrave.engine.engine import Engine, open_engine

ROUND_S = 0.25  # short, so that disturbances of the computer affect both sides alike
WARM_UP_HOPS = 20
MARGIN = 0.5  # share of the hop's duration up to which its computation leaves room for everything else
LIMIT = 0.9

TimedRun = Callable[[int], list[float]]  # runs so many hops, and returns the seconds that each took
Verdict = Literal["fits with margin", "fits", "does not fit"]


@dataclass(frozen=True)
class Timing:
    """Statistics of the times of many hops.

    Attributes
    ----------
    median_ms : float
        Median of the rounds' medians.
    p99_ms, p999_ms : float
        99th and 99.9th percentile over all hops.
    hops : int
        Number of hops.
    """

    median_ms: float
    p99_ms: float
    p999_ms: float
    hops: int


def timing(rounds: list[list[float]]) -> Timing:
    """Compute the statistics from the seconds of each hop, given round by round."""
    all_ms = 1e3 * np.concatenate([np.asarray(times) for times in rounds])
    median_ms = float(np.median([1e3 * np.median(times) for times in rounds]))
    return Timing(median_ms, float(np.percentile(all_ms, 99)), float(np.percentile(all_ms, 99.9)), len(all_ms))


def engine_run(graph: Path, threads: int) -> tuple[Engine, TimedRun]:
    """Open an engine on a folder of the cache, and warm it up; return it with a function that times hops of noise."""
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


def interleave(
    sides: list[TimedRun], hops: int, on_progress: Callable[[int], None] = lambda done: None
) -> list[list[list[float]]]:
    """Time `hops` hops of each side, in alternating rounds of equal length.

    `on_progress` is called after each round with the number of hops done. Returns the seconds of each hop by side and
    round.
    """
    sizes = [max(1, round(ROUND_S / np.median(side(5)))) for side in sides]
    size = max(1, min(*sizes, hops) if len(sizes) > 1 else min(sizes[0], hops))
    times: list[list[list[float]]] = [[] for _ in sides]
    done = 0
    while done < hops:
        count = min(size, hops - done)
        for rounds, side in zip(times, sides, strict=True):
            rounds.append(side(count))
        done += count
        on_progress(done)
    return times


def ratio_of(ours: list[list[float]], theirs: list[list[float]]) -> float:
    """Return the time of ours relative to theirs: the median over the rounds of the ratio of medians."""
    return float(np.median([np.median(a) / np.median(b) for a, b in zip(ours, theirs, strict=True)]))


def verdict(times: Timing, hop_ms: float) -> Verdict:
    """Judge whether hops finish in time, by the 99.9th percentile relative to the hop's duration."""
    if times.p999_ms <= MARGIN * hop_ms:
        return "fits with margin"
    return "fits" if times.p999_ms <= LIMIT * hop_ms else "does not fit"
