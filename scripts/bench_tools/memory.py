"""Growth of resident memory over many hops, and over many models opened and closed."""

from __future__ import annotations

import gc
from pathlib import Path

import numpy as np

from rtrave.backends.cache import ensure_graph
from rtrave.backends.graph_shape import GraphShape
from rtrave.bench.measure import engine_run
from rtrave.model.registry import find_model
from rtrave.settings import DEFAULT_MODEL

HOPS, SETTLED_HOPS = 100_000, 1000
SWAPS, SETTLED_SWAPS = 50, 6


def resident_mb() -> float:
    """Return the resident memory of this process (Linux only)."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 1e6


def after_hops(model: Path) -> float:
    """Return the MB that the process grew by between the 1,000th and the 100,000th hop."""
    _, run = engine_run(ensure_graph(model, GraphShape()), 1)
    run(SETTLED_HOPS)
    before = resident_mb()
    for _ in range((HOPS - SETTLED_HOPS) // 1000):
        run(1000)
    return resident_mb() - before


def after_swaps(models: list[Path]) -> float:
    """Return the MB that the process grew by between the 6th and the 50th model that was opened and closed."""
    graphs = [ensure_graph(model, GraphShape()) for model in models]
    sizes = []
    for index in range(SWAPS):
        _, run = engine_run(graphs[index % len(graphs)], 1)
        run(10)
        del run, _
        gc.collect()
        sizes.append(resident_mb())
    return float(np.max(sizes[-len(graphs) :]) - np.max(sizes[SETTLED_SWAPS - len(graphs) : SETTLED_SWAPS]))


def measure(models: list[Path]) -> dict[str, float]:
    """Return the MB that the process grew by over hops of the default model, and over swaps of it and `models`."""
    default = find_model(DEFAULT_MODEL)
    return {"hops_mb": after_hops(default), "swaps_mb": after_swaps([default, *models])}
