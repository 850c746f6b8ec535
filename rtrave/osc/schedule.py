"""Messages whose time tag lies ahead, until their time. The OSC server's thread only."""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Iterator, Sequence

from rtrave.errors import ControlError
from rtrave.osc.counts import Counts
from rtrave.osc.packets import Message
from rtrave.osc.replies import Origin

MAX_QUEUED = 1024
MAX_AHEAD_S = 2.0


class Schedule:
    """A queue of messages by their time; messages of one time keep the order of arrival.

    Parameters
    ----------
    counts : Counts
        Its `queued` is the length of the queue.
    """

    def __init__(self, counts: Counts) -> None:
        self._counts = counts
        self._queue: list[tuple[float, int, Message, Origin]] = []
        self._order = itertools.count()

    @property
    def next_s(self) -> float:
        """Monotonic time of the next message, infinite for an empty queue."""
        return self._queue[0][0] if self._queue else math.inf

    def add(self, later: Sequence[tuple[float, Message]], origin: Origin, now_s: float) -> None:
        """Queue the messages of one packet, all of them or none, so that no bundle is torn.

        Parameters
        ----------
        later : sequence of (seconds ahead, message)
        origin : Origin
        now_s : float
            Monotonic time.

        Raises
        ------
        ControlError
            `late` for a time more than 2 s ahead, or where 1,024 messages would not hold them.
        """
        farthest_s = max(ahead_s for ahead_s, _ in later)
        if farthest_s > MAX_AHEAD_S:
            raise ControlError("late", f"time tag {farthest_s:.4g} s ahead: expected at most {MAX_AHEAD_S:g} s")
        if len(self._queue) + len(later) > MAX_QUEUED:
            raise ControlError("late", f"{MAX_QUEUED} messages are waiting already: send later or at once")
        for ahead_s, message in later:
            heapq.heappush(self._queue, (now_s + ahead_s, next(self._order), message, origin))
        self._counts.queued = len(self._queue)

    def due(self, now_s: float) -> Iterator[tuple[Message, Origin]]:
        """Take the messages whose time has come, one by one."""
        while self._queue and self._queue[0][0] <= now_s:
            _, _, message, origin = heapq.heappop(self._queue)
            self._counts.queued -= 1
            yield message, origin

    def refuse_all(self) -> None:
        """Empty the queue; its messages count as refused, `late`."""
        if self._queue:
            self._counts.refused["late"] += len(self._queue)
        self._counts.queued = 0
        self._queue.clear()
