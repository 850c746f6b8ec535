"""Cache lines and the order of stores: what every section of the shared memory builds on."""

from __future__ import annotations

import threading
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
Rows: TypeAlias = NDArray[Any]  # [n, width] of numbers, or [n] of records

LINE = 64  # bytes of a cache line: words with different writers do not share one
_fence_lock = threading.Lock()


def fence() -> None:
    """Memory barrier: other processes see the stores before it before they see the stores after it.

    x86 keeps the order of stores by itself, ARM does not; releasing and taking a lock keeps it everywhere.
    Never waits: where another thread holds the lock at this moment, nothing is taken.
    """
    for _ in range(2):
        if _fence_lock.acquire(blocking=False):
            _fence_lock.release()
