"""What the system grants a process that must be on time: its place in the queue, real-time threads, memory that stays.

Each is asked for, and what is not granted is told. Audio process.
"""

from __future__ import annotations

import ctypes
import os
import sys
from dataclasses import dataclass

NICE = -11  # as PipeWire and PulseAudio ask for
REALTIME_PRIORITY = 5  # below that of JACK's own clients (10 less 5, unless told otherwise): the callback comes first
MCL_CURRENT_AND_FUTURE = 3  # of mlockall(2)


@dataclass(frozen=True)
class Granted:
    """What the process has.

    Attributes
    ----------
    nice : int
        Its nice value; 0 where it may not be raised.
    realtime : bool
        Whether a thread of its may have real-time scheduling (SCHED_FIFO).
    memory_locked : bool
        Whether its memory is kept from being paged out.
    """

    nice: int
    realtime: bool
    memory_locked: bool


def ask() -> Granted:
    """Raise the process as far as the system lets it. Once, at the start, by the main thread."""
    return Granted(_raise_nice(), _may_be_realtime(), _lock_memory())


def make_realtime(thread_id: int) -> bool:
    """Give a thread of this process real-time scheduling; False where that is not permitted.

    `thread_id` is its `native_id`. Threads and processes that it starts do not inherit it.
    """
    if not hasattr(os, "sched_setscheduler"):
        return False
    try:
        policy = os.SCHED_FIFO | os.SCHED_RESET_ON_FORK
        os.sched_setscheduler(thread_id, policy, os.sched_param(REALTIME_PRIORITY))
    except OSError:
        return False
    return True


def missing(granted: dict[str, object]) -> list[str]:
    """In words what was not granted, from the fields of `Granted`."""
    lacks = []
    if not granted.get("realtime"):
        lacks.append("real-time scheduling")
    if not granted.get("memory_locked"):
        lacks.append("locked memory")
    return lacks


def _raise_nice() -> int:
    if not hasattr(os, "setpriority"):
        return 0
    try:
        os.setpriority(os.PRIO_PROCESS, 0, NICE)
    except PermissionError:
        pass
    return os.getpriority(os.PRIO_PROCESS, 0)


def _may_be_realtime() -> bool:
    """Try it on the main thread, and go back."""
    if not hasattr(os, "sched_setscheduler"):
        return False
    before = os.sched_getscheduler(0)
    if not make_realtime(0):
        return False
    try:
        os.sched_setscheduler(0, before & ~os.SCHED_RESET_ON_FORK, os.sched_param(0))
    except OSError:
        return False
    return True


def _lock_memory() -> bool:
    """Lock all memory, where there is no limit to it: with one, a later allocation beyond it would fail."""
    if sys.platform != "linux":
        return False
    import resource

    if resource.getrlimit(resource.RLIMIT_MEMLOCK)[0] != resource.RLIM_INFINITY:
        return False
    return bool(ctypes.CDLL(None).mlockall(MCL_CURRENT_AND_FUTURE) == 0)
