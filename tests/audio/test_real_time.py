"""The callback keeps no memory, opens nothing and imports nothing, from its first call on."""

from __future__ import annotations

import gc
import subprocess
import sys
import tracemalloc

import numpy as np
import pytest

from tests.audio.fake import FakeEngine, Stamps, make_driver

HOP, BLOCK = 256, 64


@pytest.mark.parametrize("late", ["hold", "dry", "silence"])
@pytest.mark.parametrize("threaded", [True, False])
def test_ten_thousand_calls_keep_no_memory(shared_for, threaded: bool, late: str) -> None:
    engine = FakeEngine(HOP, broken=tuple(range(50, 2600, 97)))
    shared = shared_for(engine, audio_rows=4 * HOP)
    driver = make_driver(engine, shared, BLOCK, threaded, late=late)
    indata, outdata, stamps = np.zeros((BLOCK, 2), np.float32), np.zeros((BLOCK, 2), np.float32), Stamps()

    def call(times: int) -> None:
        for k in range(times):
            driver(indata, outdata, BLOCK, stamps, None)
            stamps.advance(BLOCK)
            if k % 100:  # now and then the inference lags behind
                driver.drain()

    call(500)
    gc.collect()
    tracemalloc.start()
    try:
        call(100)
        before = tracemalloc.get_traced_memory()[0]
        call(10_000)
        gc.collect()
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert shared.status.get("audio_dropped") > 0 and shared.status.get("engine_errors") > 0
    assert grown < 2000


AUDIT = """
import sys
import numpy as np
from tests.audio.fake import FakeEngine, Stamps, make_driver, make_shared
engine = FakeEngine(256, broken=(5,))
shared = make_shared(engine)
driver = make_driver(engine, shared, 64, sys.argv[1] == "threaded")
indata, outdata, stamps = np.zeros((64, 2), np.float32), np.zeros((64, 2), np.float32), Stamps()
vector = engine.layout.defaults()
watching, heard = False, []
sys.addaudithook(lambda event, _: heard.append(event) if watching else None)
for k in range(200):
    if k % 10 == 0:
        shared.controls.write(vector)
    watching = True
    driver(indata, outdata, 64, stamps, "flag" if k == 50 else None)
    if sys.argv[2] == "break" and k == 100:
        import wave
    watching = False
    stamps.advance(64)
    driver.drain()
shared.unlink()
print(shared.status.get("hops"), sorted(set(heard)))
"""


def heard_by_the_audit(mode: str, how: str) -> str:
    done = subprocess.run([sys.executable, "-c", AUDIT, mode, how], capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.mark.parametrize("mode", ["direct", "threaded"])
def test_nothing_is_opened_or_imported(mode: str) -> None:
    assert heard_by_the_audit(mode, "whole") == "50.0 []"


def test_the_audit_would_hear_an_import() -> None:
    assert "import" in heard_by_the_audit("direct", "break")
