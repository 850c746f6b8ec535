"""The next run removes the memory of a control process that was killed, and no other memory."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from rtrave.ipc.shared_memory import SETTLED_S, Shared, attach, create
from rtrave.ipc.shared_spec import SharedSpec

SMALL = SharedSpec(1, 2, 1, 3, audio_rows=64, hops_rows=16, controls_rows=16)
CHILD = "import os; from rtrave.ipc.shared_memory import *; from tests.ipc.test_shared_left_behind import SMALL; "
CHILD += "print(create(SMALL).path, flush=True); os.kill(os.getpid(), 9)"


def age(path: Path) -> None:
    then = time.time() - SETTLED_S - 1
    os.utime(path, (then, then))


@pytest.fixture
def left():
    done = subprocess.run([sys.executable, "-c", CHILD], stdout=subprocess.PIPE, text=True, check=False)
    assert done.returncode == -9
    path = Path(done.stdout.strip())
    yield path
    path.unlink(missing_ok=True)


def made() -> Shared:
    return create(SMALL)


def test_what_was_left_goes(left):
    age(left)
    made().unlink()
    assert not left.exists()


def test_what_is_young_stays(left):
    """Another run may be between making its file and claiming it."""
    made().unlink()
    assert left.exists()


def test_what_is_in_use_stays():
    used = made()
    try:
        age(used.path)
        made().unlink()
        attach(used.section)
    finally:
        used.unlink()
    assert not used.path.exists()


def test_runs_leave_no_descriptor():
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(20):
        made().unlink()
    assert len(os.listdir("/proc/self/fd")) == before
