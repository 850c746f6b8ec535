"""What this computer gives: how fast its memory is read, and how much of it is free to be timed."""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np

READS = 20
DEFAULT_CACHE_BYTES = 32 << 20  # where the system does not tell
BUFFER_BYTES = 256 << 20  # at least: a virtual machine may show a smaller cache than there is
SAMPLES = 25  # of the processes that run
SAMPLE_PERIOD_S = 0.04
QUIET_CORES = 0.25  # busy with other work on average: more makes a timing worthless


def last_level_cache_bytes(cpu: Path = Path("/sys/devices/system/cpu/cpu0/cache")) -> int:
    """Size of the largest cache that a core reaches."""
    sizes = [text.read_text().strip() for text in cpu.glob("index*/size")]
    return max([int(size[:-1]) << 10 for size in sizes if size.endswith("K")], default=DEFAULT_CACHE_BYTES)


def read_bandwidth_gbs() -> float:
    """GB/s at which one thread reads float32 numbers from memory: the best of 20 reads.

    A read is NumPy's maximum of a buffer of at least four times the last-level cache.
    """
    buffer = np.ones(max(4 * last_level_cache_bytes(), BUFFER_BYTES) // 4, np.float32)
    best_s = np.inf
    for _ in range(READS):
        start_s = time.perf_counter()
        buffer.max()
        best_s = min(best_s, time.perf_counter() - start_s)
    return float(buffer.nbytes / best_s / 1e9)


def busy_cores() -> float:
    """Cores that other processes keep busy, on average over a second.

    From the count of processes that run; where the system does not tell it, from the load of the last minute.
    """
    counts = Path("/proc/loadavg")
    if not counts.exists():
        return os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    running = []
    for _ in range(SAMPLES):
        time.sleep(SAMPLE_PERIOD_S)
        running.append(int(counts.read_text().split()[3].split("/")[0]) - 1)  # this thread is one of them
    return float(np.mean(running))
