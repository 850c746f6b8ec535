"""The control vector in shared memory. `shared_memory.py` says who writes it."""

from __future__ import annotations

import zlib

import numpy as np

from rtrave.ipc.memory import LINE, Floats, fence

READ_TRIES = 4


class ControlBlock:
    """The control vector in shared memory: the latest one wins, and no reader sees one half written.

    The writer alternates between two slots of [begin stamp, vector, checksum, end stamp]. It stores the begin stamp
    first and the end stamp last; the reader loads them in the opposite order, so a slot that changed during the copy
    shows two different stamps. The checksum guards machines that reorder accesses.
    """

    def __init__(self, words: Floats, size: int) -> None:
        self._sequence = words[:1]
        start = LINE // 8
        self._slots = words[start : start + 2 * (size + 3)].reshape(2, size + 3)
        self._copy = np.zeros(size)

    @staticmethod
    def nbytes(size: int) -> int:
        """Return the bytes of the block for a vector of `size` numbers."""
        return LINE + 16 * (size + 3)

    def write(self, vector: Floats) -> int:
        """Publish float64 [size] and return its sequence number, from 1. Control process, one thread."""
        sequence = int(self._sequence[0]) + 1
        slot = self._slots[sequence % 2]
        slot[0] = sequence
        fence()
        slot[1:-2] = vector
        slot[-2] = zlib.crc32(slot[1:-2].data)
        fence()
        slot[-1] = sequence
        fence()
        self._sequence[0] = sequence
        return sequence

    def read(self, into: Floats) -> int:
        """Copy the latest vector to `into`, float64 [size]. Audio process, once per hop; never waits.

        Returns
        -------
        int
            Sequence number of the vector; 0 where none was published yet; -1 where no whole one could be read in a
            few tries. `into` does not change for 0 and -1.
        """
        for _ in range(READ_TRIES):
            sequence = int(self._sequence[0])
            if sequence == 0:
                return 0
            slot = self._slots[sequence % 2]
            end = slot[-1]
            fence()
            self._copy[:] = slot[1:-2]
            checksum = slot[-2]
            fence()
            if slot[0] == end == sequence and zlib.crc32(self._copy.data) == checksum:
                into[:] = self._copy
                return sequence
        return -1
