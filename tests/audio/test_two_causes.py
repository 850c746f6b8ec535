"""Inference and callbacks held up at known times under a sine at -20 dBFS: each is counted exactly, and nothing clicks.

All on one virtual clock: the null device sleeps on it, the engine computes on it.
"""

from __future__ import annotations

import numpy as np
import pytest

from rtrave.audio.null import NullStream
from rtrave.ipc.options import LatePolicy
from tests.audio.fake import RATE, FakeEngine, callback_of, make_driver, make_host

HOP, BLOCK = 512, 128
CLICK = 10 ** (-40 / 20)


class Clock:
    """Virtual seconds."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds


def sine() -> np.ndarray:
    return (0.1 * np.sin(2 * np.pi * 100 / RATE * np.arange(RATE)))[:, None].astype(np.float32)


def played(driver, block: int, clock: Clock, held_up: dict[int, float], callbacks: int, between=None):
    """Play a sine through a null device whose thread wakes late, by so many blocks, for the callbacks in `held_up`."""
    device, out, count = callback_of(driver), [], [0]

    def callback(indata, outdata, frames, stamps, flags) -> None:
        device(indata, outdata, frames, stamps, flags)
        out.append(outdata[:, 0].copy())
        count[0] += 1
        if between:
            between()

    def sleep(seconds: float) -> None:
        clock.sleep(seconds + held_up.pop(count[0], 0.0) * block / RATE)

    NullStream(callback, sine(), RATE, block, 1, clock, sleep).run(callbacks)
    return np.concatenate(out)


@pytest.mark.parametrize("late", LatePolicy)
def test_low_latency(shared_for, late: LatePolicy) -> None:
    engine, clock = FakeEngine(HOP), Clock()
    shared = shared_for(engine)
    host = make_host(engine, shared, 1, scheduled=True, clock=clock)
    driver = make_driver(engine, shared, BLOCK, margin=2 * BLOCK, late=late, host=host)
    busy_until = [0.0]
    slow = {20, 33, 34, 60}  # hops that take twice the deadline, one after another
    done: list[float] = []

    def inference() -> None:  # what a thread beside the callback would have done by the next one
        full = driver._position // HOP
        while len(done) < full:
            begins_s = max(clock.now_s, busy_until[0])
            busy_until[0] = begins_s + (2 * HOP / RATE if len(done) in slow else 0.001)
            done.append(busy_until[0])
        whole = driver._position
        driver._position = HOP * sum(at <= clock.now_s + BLOCK / RATE for at in done)
        driver.drain()
        driver._position = whole

    y = played(driver, BLOCK, clock, {50: 1.5, 333: 3.2, 334: 0.9}, 1000, inference)
    counts = shared.status.as_dict()
    # Twice a hop's time from when it is full: this hop is late, and the one that was full behind it; two slow ones in
    # a row make four late hops.
    assert counts["late_hops"] == 2 + 4 + 2
    assert counts["stalls"] == 1 + 3
    assert counts["starved_hops"] == 0
    assert np.abs(np.diff(y)).max() < CLICK


@pytest.mark.parametrize("late", LatePolicy)
def test_direct(shared_for, late: LatePolicy) -> None:
    engine, clock = FakeEngine(HOP), Clock()
    shared = shared_for(engine)
    host = make_host(engine, shared, 1, scheduled=True, clock=clock)
    driver = make_driver(engine, shared, HOP, threaded=False, late=late, host=host)
    for hop in (20, 33, 60):
        engine.slow[hop] = lambda: clock.sleep(2.2 * HOP / RATE)
    y = played(driver, HOP, clock, {10: 1.5, 45: 4.1}, 100)
    counts = shared.status.as_dict()
    assert counts["late_hops"] == 3
    assert counts["stalls"] == 1 + 4
    assert counts["expected_callbacks"] - counts["callbacks"] == 1 + 4 + 3  # each slow hop costs the callback behind it
    assert np.abs(np.diff(y)).max() < CLICK
