"""Faults of the callback and of the engine, kept with their traceback. Audio process.

The thread that plays only stores a reference to the exception. A thread that is not real-time formats and reports it.
"""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable

from rtrave.errors import fault_key
from rtrave.ipc.messages import Event, Faulted, FaultSource

PERIOD_S = 0.25
MOST_REPORTED = 32  # different faults of a process; others are only counted


class FaultSlots:
    """One waiting fault per source. A fault that finds its slot taken is only counted, by the status block."""

    def __init__(self) -> None:
        self._waiting: dict[FaultSource, BaseException | None] = dict.fromkeys(FaultSource)

    def keep(self, source: FaultSource, error: BaseException) -> None:
        """Keep a fault until it is taken. The one thread of the source, real-time: it stores one reference."""
        if self._waiting[source] is None:
            self._waiting[source] = error

    def take(self) -> list[tuple[FaultSource, BaseException]]:
        """Return the waiting faults, and free their slots. One thread that is not real-time."""
        taken = []
        for source, error in self._waiting.items():
            if error is not None:
                self._waiting[source] = None
                taken.append((source, error))
        return taken


class FaultReporter:
    """Reporter of each different fault, once. See `fault_key` for what is different.

    Parameters
    ----------
    slots : FaultSlots
    report : callable
        (event) -> None; called by the reporter's thread.
    """

    def __init__(self, slots: FaultSlots, report: Callable[[Event], object]) -> None:
        self._slots, self._report = slots, report
        self._reported: set[tuple[FaultSource, str, str]] = set()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="faults", daemon=True)

    def start(self) -> None:
        """Start to report."""
        self._thread.start()

    def stop(self) -> None:
        """Report what waits, and end the thread."""
        self._stopping.set()
        self._thread.join()
        self.look()

    def look(self) -> None:
        """Report the waiting faults that are new. The reporter's thread, or tests."""
        for source, error in self._slots.take():
            key = (source, *fault_key(error))
            if key not in self._reported and len(self._reported) < MOST_REPORTED:
                self._reported.add(key)
                self._report(Faulted(source, "".join(traceback.format_exception(error)).rstrip()))

    def _run(self) -> None:
        while not self._stopping.wait(PERIOD_S):
            self.look()
