"""A device of another rate: every block is filled whole, the sound returns at the reported shift, no NaN persists."""

from __future__ import annotations

import numpy as np
import pytest

from rtrave.audio.buffering import direct_delay, threaded_delay
from rtrave.audio.driver import Drive, Driver
from rtrave.audio.host import MAX_BLOCK, Host
from rtrave.audio.rates import RateBridge
from tests.audio.fake import RATE, FakeEngine, make_shared, play

HOP = 512


def sweep(rate: int, seconds: float) -> np.ndarray:
    t = np.arange(int(seconds * rate)) / rate
    return (0.5 * np.sin(2 * np.pi * (100 + 400 * t) * t))[:, None].astype(np.float32)


def make(shared, device_rate: int, period: int, threaded: bool) -> tuple[Driver, float]:
    """A driver behind resamplers, and its delay in samples of the device."""
    host = Host(shared.status, device_rate, [[0]], [[0]], clock=lambda: 0.0)  # how long a hop takes does not count here
    period_model = period * RATE / device_rate
    if threaded:
        delay = threaded_delay(HOP, RATE, None, period_model, 0.002, exact=False)
    else:
        delay = direct_delay(HOP, RATE, None, period_model)
    bridge = RateBridge(1, 1, device_rate, RATE, MAX_BLOCK, shared.status)
    driver = Driver(FakeEngine(HOP), shared, host, Drive(threaded, delay), bridge)
    return driver, delay.samples * device_rate / RATE + bridge.delay_samples


@pytest.mark.parametrize("threaded", [True, False])
@pytest.mark.parametrize(("rate", "block"), [(48000, 17), (48000, 256), (48000, 2049), (96000, 1024), (32000, 441)])
def test_the_sound_returns_at_the_reported_shift(shared_for, rate: int, block: int, threaded: bool) -> None:
    shared = shared_for(FakeEngine(HOP))
    driver, delay = make(shared, rate, block, threaded)
    x = sweep(rate, 1.0)
    y = play(driver, x, [block] * (len(x) // block), driver.drain, rate)[:, 0]
    at = np.arange(len(y) // 2, len(y) - 100)

    def apart(late_s: float) -> float:
        t = (at - delay) / rate - late_s
        return float(np.abs(y[at] - 0.5 * np.sin(2 * np.pi * (100 + 400 * t) * t)).max())

    late_s = min(np.linspace(-0.0002, 0.0002, 401), key=apart)  # the delay is no whole number of samples
    assert abs(late_s) < 0.0001 and apart(late_s) < 0.002
    status = shared.status.as_dict()
    assert status["callback_errors"] == status["stalls"] == status["late_hops"] == status["starved_hops"] == 0


def test_a_nan_is_counted_and_does_not_stay(shared_for) -> None:
    shared = shared_for(FakeEngine(HOP))
    driver, _ = make(shared, 48000, 256, True)
    x = sweep(48000, 1.0)
    x[5000:5003] = np.nan
    x[6000] = np.inf
    y = play(driver, x, [256] * (len(x) // 256), driver.drain, 48000)[:, 0]
    assert np.isfinite(y).all() and np.abs(y[-5000:]).max() > 0.4
    assert shared.status.get("nonfinite_device") == 4


def test_an_hour_of_blocks_is_filled_whole_and_does_not_drift() -> None:
    shared = make_shared(FakeEngine(HOP))
    block = 12_000
    bridge = RateBridge(1, 1, 48000, RATE, block, shared.status)
    shared.unlink()
    sine = np.sin(2 * np.pi * 1000 * np.arange(block) / 48000)[None].astype(np.float32)  # whole periods
    y, levels, phases = np.zeros((1, block), np.float32), set(), []
    for k in range(3600 * 48000 // block):
        bridge.convert(sine.copy(), y, lambda a, b: np.copyto(b, a))
        levels.add(bridge._waiting)
        if k in (10, 3600 * 48000 // block - 1):
            phases.append(np.angle(np.sum(y * np.exp(-2j * np.pi * 1000 * np.arange(block) / 48000))))
    assert max(levels) - min(levels) <= 6  # before the filters have filled the level is their lag above
    assert abs(phases[1] - phases[0]) / (2 * np.pi * 1000) < 1e-6  # seconds
