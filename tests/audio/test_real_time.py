"""The callback keeps no memory, opens nothing and imports nothing, from its first call on.

It is entered as the device enters it, with a real engine behind it: directly and beside the callback, with and without
resampling, and during a crossfade. A fake engine stands in where the engine must fail.
"""

from __future__ import annotations

import gc
import subprocess
import sys
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from rtrave.audio.driver_state import DriverState
from rtrave.backends.graph_shape import GraphShape
from rtrave.compiler.graph import ensure_graph_of
from rtrave.ipc.options import BufferingMode, LatePolicy
from tests.audio.fake import FakeEngine, Stamps, callback_of, make_driver
from tests.audio.real_run import real_run
from tests.tiny import tiny_model

HOP, BLOCK = 256, 64

MODES = [BufferingMode.DIRECT, BufferingMode.LOW_LATENCY]
RATES = [44100, 48000]


@pytest.fixture(scope="module")
def graph() -> Path:
    return ensure_graph_of(tiny_model(), GraphShape())


@contextmanager
def nothing_kept(warm_up: Callable[[], None], bytes_allowed: int) -> Iterator[None]:
    """Fail where the body ends with more memory than it began with, but for some bytes.

    Python and NumPy keep freed objects for later ones, up to a limit: `warm_up` fills most of that.
    """
    gc.collect()
    tracemalloc.start()
    try:
        warm_up()
        gc.collect()
        before = tracemalloc.get_traced_memory()[0]
        yield
        gc.collect()
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert grown < bytes_allowed


@pytest.mark.parametrize("fading", [False, True])
@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("mode", MODES)
def test_a_real_engine_keeps_no_memory(graph: Path, mode: BufferingMode, rate: int, fading: bool) -> None:
    run = real_run(graph, mode, rate)
    calls, warm_up_calls = 1000, 700
    drivers = [run.crossfader.driver]
    if fading:  # for as long as is measured
        drivers.append(run.bring_in(graph, 0, 10 * calls * BLOCK))
        drivers[1].stop()  # the inference is done here, where it is due

    def call(times: int) -> None:
        for k in range(times):
            run.call()
            run.stamps.advance(BLOCK)
            if k % 100:  # now and then the inference lags behind
                for driver in drivers:
                    driver.drain()

    try:
        call(100)
        with nothing_kept(lambda: call(warm_up_calls), 8 * calls):  # one object a hop would be 12 a call
            call(calls)
        status = run.shared.status.as_dict()
        assert status["hops"] > 800 and status["callbacks"] == 100 + warm_up_calls + calls
        assert status["callback_errors"] == status["engine_errors"] == 0
        assert np.abs(run.outdata).max() > 0
        expected = [DriverState.LIVE, DriverState.PREROLL][: len(drivers)]
        assert [driver.state for driver in drivers] == expected
    finally:
        run.close()


@pytest.mark.parametrize("late", LatePolicy)
@pytest.mark.parametrize("threaded", [True, False])
def test_an_engine_that_fails_keeps_no_memory(shared_for, threaded: bool, late: LatePolicy) -> None:
    engine = FakeEngine(HOP, broken=tuple(range(50, 2600, 97)))
    shared = shared_for(engine, audio_rows=4 * HOP)
    driver = make_driver(engine, shared, BLOCK, threaded, late=late)
    callback = callback_of(driver)
    indata, outdata, stamps = np.zeros((BLOCK, 2), np.float32), np.zeros((BLOCK, 2), np.float32), Stamps()

    def call(times: int) -> None:
        for k in range(times):
            callback(indata, outdata, BLOCK, stamps, None)
            stamps.advance(BLOCK)
            if k % 100:
                driver.drain()

    call(500)
    with nothing_kept(lambda: call(100), 2000):
        call(10_000)
    assert shared.status.get("audio_dropped") > 0 and shared.status.get("engine_errors") > 0


def test_memory_that_is_kept_is_found() -> None:
    kept = []
    with pytest.raises(AssertionError), nothing_kept(lambda: None, 8 * 1500):
        kept += [float(k) for k in range(1500 // 2)]  # one for each hop


AUDIT = """
import sys, threading, time
from pathlib import Path
from rtrave.audio.driver_state import DriverState
from rtrave.ipc.options import BufferingMode
from tests.audio.real_run import BLOCK, real_run

graph, mode, rate, harm = Path(sys.argv[1]), BufferingMode(sys.argv[2]), int(sys.argv[3]), sys.argv[4] == "break"
run = real_run(graph, mode, rate)
old = run.crossfader.driver
old.start()
vector = run.engine.layout.defaults()
here, calling, watching, found = threading.get_ident(), False, False, []

def hook(event, _):
    if watching and (calling or threading.get_ident() != here):  # the callback, or an inference thread
        found.append(event)

sys.addaudithook(hook)
new = run.bring_in(graph, 50 * BLOCK, 50 * BLOCK)
watching = True
for k in range(400):
    if k % 10 == 0:
        run.shared.controls.write(vector)
    calling = True
    run.call()
    if harm and k == 100:
        import wave
    calling = False
    run.stamps.advance(BLOCK)
    time.sleep(0.0005)
    if new.state is DriverState.HEARD:
        old.stop()
        new.state = DriverState.LIVE
watching = False
run.close()
status = run.shared.status
print(old.state.name, new.state.name, status.get("hops") > 100, status.get("callback_errors"), sorted(set(found)))
"""


def events_of(graph: Path, mode: BufferingMode, rate: int, how: str) -> str:
    """States of the two drivers, whether they played, callback errors, and the audit events of the callback."""
    command = [sys.executable, "-c", AUDIT, str(graph), mode.value, str(rate), how]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("mode", MODES)
def test_nothing_is_opened_or_imported(graph: Path, mode: BufferingMode, rate: int) -> None:
    assert events_of(graph, mode, rate, "whole") == "RETIRED LIVE True 0.0 []"


def test_the_audit_finds_an_import(graph: Path) -> None:
    assert "import" in events_of(graph, BufferingMode.DIRECT, 44100, "break")
