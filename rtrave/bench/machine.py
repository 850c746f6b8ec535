"""Measurements of this computer: memory bandwidth, and cores that other programs keep busy."""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np

READS = 20
DEFAULT_CACHE_BYTES = 32 << 20  # assumed where the system does not report the size
BUFFER_BYTES = 256 << 20  # least size, since a virtual machine may report a smaller cache than it has
SAMPLES = 25  # of the count of running processes
SAMPLE_PERIOD_S = 0.04
QUIET_CORES = 0.25  # most cores that other work may keep busy on average before timings become meaningless


def last_level_cache_bytes(cpu: Path = Path("/sys/devices/system/cpu/cpu0/cache")) -> int:
    """Return the size of the largest cache of a core; 32 MiB where the system does not report it."""
    sizes = [text.read_text().strip() for text in cpu.glob("index*/size")]
    return max([int(size[:-1]) << 10 for size in sizes if size.endswith("K")], default=DEFAULT_CACHE_BYTES)


def read_bandwidth_gbs() -> float:
    """Measure the GB/s at which one thread reads float32 numbers from memory: the best of 20 reads.

    A read is NumPy's maximum over a buffer of at least four times the last-level cache. It takes about a second.
    """
    buffer = np.ones(max(4 * last_level_cache_bytes(), BUFFER_BYTES) // 4, np.float32)
    best_s = np.inf
    for _ in range(READS):
        start_s = time.perf_counter()
        buffer.max()
        best_s = min(best_s, time.perf_counter() - start_s)
    return float(buffer.nbytes / best_s / 1e9)


def busy_cores() -> float:
    """Measure how many cores other processes keep busy, on average over a second.

    The source is the count of running processes (Linux), elsewhere the load average of the last minute.
    """
    counts = Path("/proc/loadavg")
    if not counts.exists():
        return os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    running = []
    for _ in range(SAMPLES):
        time.sleep(SAMPLE_PERIOD_S)
        running.append(int(counts.read_text().split()[3].split("/")[0]) - 1)  # without this thread
    return float(np.mean(running))
