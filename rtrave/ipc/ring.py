"""A bounded ring in shared memory. `shared_memory.py` says who writes which."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rtrave.ipc.memory import LINE, Floats, Rows, fence


def _movable(rows: Rows) -> Rows:
    """View records [n] as bytes [n, size], other rows unchanged: NumPy copies records field by field, and slowly."""
    return rows.view(np.uint8).reshape(len(rows), rows.dtype.itemsize) if rows.dtype.names else rows


class Ring:
    """Bounded ring with one writer and one reader. A block that does not fit is dropped whole and counted.

    Parameters
    ----------
    words : int64 array
        Two cache lines: rows written so far in the first word, rows read so far in the first word of the second line.
    rows : array [capacity, width] of numbers, or [capacity] of records
    dropped : float64 [1]
        Counter of the dropped rows.
    """

    def __init__(self, words: NDArray[np.int64], rows: Rows, dropped: Floats) -> None:
        self._head = words[:1]
        self._tail = words[LINE // 8 : LINE // 8 + 1]
        self._dtype = rows.dtype
        self._rows = _movable(rows)
        self._dropped = dropped

    @property
    def capacity(self) -> int:
        """Rows the ring can hold."""
        return len(self._rows)

    def write(self, rows: Rows) -> bool:
        """Append rows. Writer only. Return False where they did not fit: all are dropped and counted."""
        n = len(rows)
        head = int(self._head[0])
        if n > self.capacity - (head - int(self._tail[0])):
            self._dropped[0] += n
            return False
        rows = _movable(rows)
        at = head % self.capacity
        first = min(n, self.capacity - at)
        self._rows[at : at + first] = rows[:first]
        self._rows[: n - first] = rows[first:]
        fence()
        self._head[0] = head + n
        return True

    def waiting(self) -> int:
        """Count the rows that are written and not read. Either side."""
        return int(self._head[0]) - int(self._tail[0])

    def read(self, limit: int | None = None) -> Rows:
        """Take up to `limit` rows (all where None), oldest first, as a copy. Reader only."""
        n = self.waiting() if limit is None else min(limit, self.waiting())
        fence()
        tail = int(self._tail[0])
        at = tail % self.capacity
        first = min(n, self.capacity - at)
        taken = np.concatenate([self._rows[at : at + first], self._rows[: n - first]])
        fence()
        self._tail[0] = tail + n
        return taken.view(self._dtype).reshape(n) if self._dtype.names else taken

    def skip(self) -> int:
        """Discard all rows that wait, and return their number. Reader only."""
        n = self.waiting()
        self._tail[0] += n
        return n
