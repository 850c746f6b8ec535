"""A thread that flushes denormals computes zero where another thread computes a tiny number."""

from __future__ import annotations

import platform
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from tests.audio.fake import FakeEngine, make_driver, play

ROOT = Path(__file__).parents[2]
SUPPORTED = sys.platform == "linux" and platform.machine() in ("x86_64", "aarch64")
pytestmark = pytest.mark.skipif(not SUPPORTED, reason="no way to flush denormals here")


def tiny_product() -> bool:
    """Whether a product of two normal numbers that is not normal is kept."""
    return bool((np.full(64, 1e-30, np.float32) * np.full(64, 1e-10, np.float32)).any())


def in_a_thread(job) -> bool:
    found: list[bool] = []
    thread = threading.Thread(target=lambda: found.append(job()))
    thread.start()
    thread.join()
    return found[0]


def test_only_the_thread_that_asks() -> None:
    """In a process of its own: ONNX Runtime, too, changes the thread that opens a session."""
    code = (
        "from rtrave.dsp.denormals import make_flush\n"
        "from tests.audio.test_denormals import in_a_thread, tiny_product\n"
        "flush = make_flush()\n"
        "print(in_a_thread(tiny_product), in_a_thread(lambda: flush() and not tiny_product()), tiny_product())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.split() == ["True", "True", "True"]


@pytest.mark.parametrize("threaded", [True, False])
def test_the_thread_that_computes_flushes(shared_for, threaded: bool) -> None:
    engine, kept = FakeEngine(512), []
    engine.slow = {3: lambda: kept.append(tiny_product())}
    driver = make_driver(engine, shared_for(engine), 512, threaded)

    def run() -> bool:
        driver.start()
        play(driver, np.zeros((512 * 5, 1), np.float32), [512] * 5, wait_for)
        driver.stop()
        return kept == [False]

    def wait_for() -> None:
        while driver._status.get("hops") < driver._position // 512:
            pass

    assert in_a_thread(run)
