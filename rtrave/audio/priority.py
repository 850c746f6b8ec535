"""Privileges of a process that must be on time: nice value, real-time threads, locked memory. Audio process.

Each is requested; the control process shows which ones the system did not grant.
"""

from __future__ import annotations

import ctypes
import os
import sys
from dataclasses import replace

from rtrave.ipc.device_facts import Granted

NICE = -11  # as PipeWire and PulseAudio ask for
REALTIME_PRIORITY = 5  # below that of JACK's own clients (10 less 5, unless told otherwise): the callback comes first
MCL_CURRENT_AND_FUTURE = 3  # of mlockall(2)


def request() -> Granted:
    """Raise the priority of the process as far as the system permits. Once, at the start, by the main thread."""
    return Granted(_raise_nice(), _may_be_realtime(), False)


def lock_memory(granted: Granted) -> Granted:
    """Return freed memory to the system, and lock the rest. Once, before the first callback.

    The allocator keeps freed memory, which after opening a model is as much as its weights; once locked, it could not
    be returned any more.
    """
    if hasattr(ctypes.CDLL(None), "malloc_trim"):
        ctypes.CDLL(None).malloc_trim(0)
    return replace(granted, memory_locked=_lock_memory())


def make_realtime(thread_id: int) -> bool:
    """Give a thread of this process real-time scheduling; return False where that is not permitted.

    `thread_id` is its `native_id`. Threads and processes that it starts do not inherit the scheduling.
    """
    if not hasattr(os, "sched_setscheduler"):
        return False
    try:
        policy = os.SCHED_FIFO | os.SCHED_RESET_ON_FORK
        os.sched_setscheduler(thread_id, policy, os.sched_param(REALTIME_PRIORITY))
    except OSError:
        return False
    return True


def missing(granted: Granted) -> list[str]:
    """Name the privileges that were not granted."""
    privileges = {"real-time scheduling": granted.realtime, "locked memory": granted.memory_locked}
    return [name for name, has in privileges.items() if not has]


def _raise_nice() -> int:
    if not hasattr(os, "setpriority"):
        return 0
    try:
        os.setpriority(os.PRIO_PROCESS, 0, NICE)
    except PermissionError:
        pass
    return os.getpriority(os.PRIO_PROCESS, 0)


def _may_be_realtime() -> bool:
    """Try real-time scheduling on the main thread, and restore its scheduling."""
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
    """Lock all memory where the system sets no limit: beyond a limit a later allocation would fail."""
    if sys.platform != "linux":
        return False
    import resource

    if resource.getrlimit(resource.RLIMIT_MEMLOCK)[0] != resource.RLIM_INFINITY:
        return False
    return bool(ctypes.CDLL(None).mlockall(MCL_CURRENT_AND_FUTURE) == 0)
