"""What the parts of the shared memory have in common: cache lines, and the order of stores."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Rows = NDArray[Any]

LINE = 64  # bytes of a cache line: words with different writers do not share one
_fence_lock = threading.Lock()


def fence() -> None:
    """Memory barrier: what was stored before is seen by other processes before what is stored after.

    x86 keeps the order of stores by itself, ARM does not; releasing and taking a lock gives it everywhere.
    Never waits: where another thread holds the lock at this moment, nothing is taken.
    """
    for _ in range(2):
        if _fence_lock.acquire(blocking=False):
            _fence_lock.release()
