"""The parts of the shared memory: control block, ring, status block (who may write: `shared.py`)."""

from __future__ import annotations

import threading
import zlib
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Rows = NDArray[Any]

STATUS_FIELDS = (
    "callbacks",  # callbacks received
    "expected_callbacks",  # callbacks due by the host's time stamps, or by the schedule of the null device
    "stalls",  # callbacks lost though the one before had ended in time; the other lost ones are those of late hops
    "host_flags",  # callbacks with a non-empty status from the host
    "callback_errors",  # callbacks that raised outside the engine; their output is silent
    "hops",  # hops the engine was run for
    "late_hops",  # hops whose result missed its place in the output, though the engine had its time
    "starved_hops",  # hops that missed their place because callbacks came faster than the sound (after a stall)
    "skipped_hops",  # hops of input never given to the engine, because it was too far behind
    "engine_errors",  # hops on which the engine raised; its state is reset after each
    "nonfinite_in",  # input samples that were NaN or infinite
    "nonfinite_device",  # input samples that were NaN or infinite before a resampler, which could not bear them
    "nonfinite_out",  # output samples that were NaN or infinite
    "controls_kept",  # hops that kept the previous control vector because no whole one could be read
    "audio_dropped",  # rows lost because the ring was full
    "hops_dropped",
    "controls_dropped",
    "latent_frame",  # first latent frame of the next hop
    "heartbeat_s",  # time.monotonic() of the last callback
)

READ_TRIES = 4
LINE = 64  # bytes of a cache line: words with different writers do not share one
_fence_lock = threading.Lock()


def _fence() -> None:
    """Memory barrier: what was stored before is seen by other processes before what is stored after.

    x86 keeps the order of stores by itself, ARM does not; releasing and taking a lock gives it everywhere.
    Never waits: where another thread holds the lock at this moment, nothing is taken.
    """
    for _ in range(2):
        if _fence_lock.acquire(blocking=False):
            _fence_lock.release()


class ControlBlock:
    """The control vector in shared memory: the latest one wins, and it is never seen half written.

    Two slots are written in turn; a slot is [begin stamp, vector, checksum, end stamp]. The writer stores the
    begin stamp first and the end stamp last, the reader looks at them the other way round, so a slot that
    changed during the copy shows two different stamps. The checksum guards machines that reorder accesses.
    """

    def __init__(self, words: Floats, size: int) -> None:
        self._sequence = words[:1]
        start = LINE // 8
        self._slots = words[start : start + 2 * (size + 3)].reshape(2, size + 3)
        self._copy = np.zeros(size)

    @staticmethod
    def nbytes(size: int) -> int:
        """Bytes of the block for a vector of `size` numbers."""
        return LINE + 16 * (size + 3)

    def write(self, vector: Floats) -> int:
        """Publish float64 [size]. Returns its sequence number, from 1. Control process, one thread."""
        sequence = int(self._sequence[0]) + 1
        slot = self._slots[sequence % 2]
        slot[0] = sequence
        _fence()
        slot[1:-2] = vector
        slot[-2] = zlib.crc32(slot[1:-2].data)
        _fence()
        slot[-1] = sequence
        _fence()
        self._sequence[0] = sequence
        return sequence

    def read(self, into: Floats) -> int:
        """Copy the latest vector to `into`, float64 [size]. Audio process, once per hop; never waits.

        Returns
        -------
        int
            Its sequence number; 0 where none was published yet; -1 where no whole one could be read in a few
            tries. `into` is left as it was for 0 and -1.
        """
        for _ in range(READ_TRIES):
            sequence = int(self._sequence[0])
            if sequence == 0:
                return 0
            slot = self._slots[sequence % 2]
            end = slot[-1]
            _fence()
            self._copy[:] = slot[1:-2]
            checksum = slot[-2]
            _fence()
            if slot[0] == end == sequence and zlib.crc32(self._copy.data) == checksum:
                into[:] = self._copy
                return sequence
        return -1


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
        _fence()
        self._head[0] = head + n
        return True

    def waiting(self) -> int:
        """Rows written and not read yet. Either side."""
        return int(self._head[0]) - int(self._tail[0])

    def read(self, limit: int | None = None) -> Rows:
        """Take up to `limit` rows (all, where None), oldest first, as a copy [n, width]. Reader only."""
        n = self.waiting() if limit is None else min(limit, self.waiting())
        _fence()
        tail = int(self._tail[0])
        at = tail % self.capacity
        first = min(n, self.capacity - at)
        taken = np.concatenate([self._rows[at : at + first], self._rows[: n - first]])
        _fence()
        self._tail[0] = tail + n
        return taken

    def skip(self) -> int:
        """Discard all that waits, and return how many rows that was. Reader only."""
        n = self.waiting()
        self._tail[0] += n
        return n


class Status:
    """Named counters (`STATUS_FIELDS`), float64. Each is written by one thread of the audio process."""

    _index: ClassVar = {name: i for i, name in enumerate(STATUS_FIELDS)}

    def __init__(self, values: Floats) -> None:
        self.values = values

    def add(self, name: str, amount: float = 1.0) -> None:
        """Raise a counter. Its one writer only."""
        self.values[self._index[name]] += amount

    def set(self, name: str, value: float) -> None:
        """Set a field. Its one writer only."""
        self.values[self._index[name]] = value

    def get(self, name: str) -> float:
        """One field. Any process."""
        return float(self.values[self._index[name]])

    def slot(self, name: str) -> Floats:
        """A view [1] of one field."""
        i = self._index[name]
        return self.values[i : i + 1]

    def go_on_from(self, other: Status) -> None:
        """Take all numbers over, as they are. While nobody writes here but those who write them all anew."""
        self.values[:] = other.values

    def as_dict(self) -> dict[str, float]:
        """All fields by name. Any process."""
        return dict(zip(STATUS_FIELDS, self.values.tolist(), strict=True))
