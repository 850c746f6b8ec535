"""A bounded ring in shared memory (who may write: `shared_memory.py`)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rtrave.ipc.memory import LINE, Floats, Rows, fence


class Ring:
    """Bounded ring, one writer, one reader; a block that does not fit is dropped whole and counted."""

    def __init__(self, words: NDArray[np.int64], rows: Rows, dropped: Floats) -> None:
        self._head = words[:1]
        self._tail = words[LINE // 8 : LINE // 8 + 1]
        self._rows = rows
        self._dropped = dropped

    @property
    def capacity(self) -> int:
        """Rows the ring can hold."""
        return len(self._rows)

    def write(self, rows: Rows) -> bool:
        """Append rows [n, width]. Writer only. False: they did not fit, all n are dropped and counted."""
        n = len(rows)
        head = int(self._head[0])
        if n > self.capacity - (head - int(self._tail[0])):
            self._dropped[0] += n
            return False
        at = head % self.capacity
        first = min(n, self.capacity - at)
        self._rows[at : at + first] = rows[:first]
        self._rows[: n - first] = rows[first:]
        fence()
        self._head[0] = head + n
        return True

    def waiting(self) -> int:
        """Rows written and not read yet. Either side."""
        return int(self._head[0]) - int(self._tail[0])

    def read(self, limit: int | None = None) -> Rows:
        """Take up to `limit` rows (all, where None), oldest first, as a copy [n, width]. Reader only."""
        n = self.waiting() if limit is None else min(limit, self.waiting())
        fence()
        tail = int(self._tail[0])
        at = tail % self.capacity
        first = min(n, self.capacity - at)
        taken = np.concatenate([self._rows[at : at + first], self._rows[: n - first]])
        fence()
        self._tail[0] = tail + n
        return taken

    def skip(self) -> int:
        """Discard all that waits, and return how many rows that was. Reader only."""
        n = self.waiting()
        self._tail[0] += n
        return n
