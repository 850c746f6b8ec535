"""The privileges that are reported are those that the process has, and missing ones are named."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

import pytest

from rtrave.audio.priority import make_realtime, missing
from rtrave.ipc.device_facts import Granted

CODE = """
import os, resource, threading
from rtrave.audio.priority import lock_memory, make_realtime, request
granted = lock_memory(request())
assert granted.nice == os.getpriority(os.PRIO_PROCESS, 0)
assert os.sched_getscheduler(0) == os.SCHED_OTHER
locked = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmLck"))
assert (locked > 1000) == granted.memory_locked, locked
stop = threading.Event()
thread = threading.Thread(target=stop.wait)
thread.start()
assert make_realtime(thread.native_id) == granted.realtime
policy = os.sched_getscheduler(thread.native_id) & ~os.SCHED_RESET_ON_FORK
assert policy == (os.SCHED_FIFO if granted.realtime else os.SCHED_OTHER)
stop.set()
print("as reported")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="read from Linux's own tables")
def test_the_report_is_true() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=False)
    assert done.stdout == "as reported\n", done.stderr


def test_a_refusal_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "sched_setscheduler", refuse)
    assert make_realtime(threading.get_native_id()) is False


def test_what_is_missing_is_named() -> None:
    assert missing(Granted(-11, True, True)) == []
    assert missing(Granted(0, False, True)) == ["real-time scheduling"]
    assert missing(Granted(0, False, False)) == ["real-time scheduling", "locked memory"]
