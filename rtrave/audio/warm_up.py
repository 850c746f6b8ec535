"""Before the first callback: bring everything into memory, and measure the engine's compute time. Audio process."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from rtrave.engine.engine import Engine

SKIPPED_HOPS = 4  # the first ones bring pages and code into memory, and are no measure
LEAST_HOPS = 16
MOST_HOPS = 1000
LIMIT_S = 0.5
SETTLE_HOPS = 4


def measure(
    engine: Engine, limit_s: float = LIMIT_S, rest_s: float = 0.0, clock: Callable[[], float] = time.perf_counter
) -> float:
    """Play noise for `limit_s`, at least a few hops, and return the 99.9th percentile of a hop's time in seconds.

    `rest_s`: pause after each hop, which leaves the processor to an engine that plays.
    """
    rng = np.random.default_rng(0)
    x = (0.1 * rng.standard_normal((engine.inputs, engine.hop))).astype(np.float32)
    y, controls = np.zeros((engine.channels, engine.hop), np.float32), np.array(engine.layout.defaults(), np.float64)
    times_s: list[float] = []
    end_s = clock() + limit_s
    for k in range(SKIPPED_HOPS + MOST_HOPS):
        began_s = clock()
        engine.process(x, controls, y)
        ended_s = clock()
        if k >= SKIPPED_HOPS:
            times_s.append(ended_s - began_s)
        if ended_s > end_s and len(times_s) >= LEAST_HOPS:
            break
        if rest_s:
            time.sleep(rest_s)
    return float(np.percentile(times_s, 99.9))


def settle(engine: Engine, first_latent_frame: int) -> None:
    """Run a few silent hops just before the first callback, so that it finds warm caches, and reset the engine."""
    x = np.zeros((engine.inputs, engine.hop), np.float32)
    y, controls = np.zeros((engine.channels, engine.hop), np.float32), np.array(engine.layout.defaults(), np.float64)
    for _ in range(SETTLE_HOPS):
        engine.process(x, controls, y)
    engine.reset()
    engine.latent_frame = first_latent_frame
