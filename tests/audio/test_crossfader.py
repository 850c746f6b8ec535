"""One driver takes over from another while playing: no click, no gap, nothing counted, also at another hop and rate."""

from __future__ import annotations

import numpy as np
import pytest

from rtrave.audio.crossfader import Crossfader
from rtrave.audio.driver_state import DriverState
from tests.audio.fake import RATE, FakeEngine, make_driver, make_host, play


class Gain(FakeEngine):
    """y = gain * x."""

    def __init__(self, hop: int, gain: float) -> None:
        super().__init__(hop)
        self.gain = gain

    def process(self, x: np.ndarray, controls: np.ndarray, y: np.ndarray) -> None:
        super().process(x, controls, y)
        y *= np.float32(self.gain)


def swap(shared_for, block: int, hops: tuple[int, int], threaded: tuple[bool, bool], fade: int, x: np.ndarray):
    """Half of x through one driver, then another one takes over."""
    first, second = Gain(hops[0], 1.0), Gain(hops[1], 0.5)
    shared = shared_for(first)
    now_s = [0.0]
    host = make_host(first, shared, clock=lambda: now_s[0])  # how long a hop takes here does not count
    old = make_driver(first, shared, block, threaded[0], margin=100, host=host)
    new = make_driver(second, shared, block, threaded[1], margin=100, host=host, state=DriverState.PREROLL)
    crossfader, calls, half = Crossfader(host, old), [0], len(x) // block // 2

    def after() -> None:
        calls[0] += 1
        now_s[0] += block / RATE
        for driver in (old, new) if crossfader.driver is old else (new,):
            driver.drain()
        if calls[0] == half:
            crossfader.bring_in(new, new.buffering_samples, fade)
        if new.state is DriverState.HEARD:
            new.state = DriverState.LIVE

    y = play(crossfader, x, [block] * (len(x) // block), after)[:, 0]
    return y, crossfader, old, new, shared, half * block


@pytest.mark.parametrize("threaded", [(True, True), (False, False), (True, False), (False, True)])
@pytest.mark.parametrize(
    ("block", "hops"), [(128, (512, 512)), (441, (512, 128)), (512, (128, 2048)), (17, (512, 384))]
)
def test_one_sound_goes_over_into_the_other(shared_for, block: int, hops, threaded) -> None:
    x = np.full((40_000, 1), 0.5, np.float32)
    y, crossfader, old, new, shared, start = swap(shared_for, block, hops, threaded, 1000, x)
    assert crossfader.driver is new and crossfader.wait(0)
    assert (old.state, new.state) == (DriverState.RETIRED, DriverState.LIVE)
    settled = y[5000:]
    assert np.abs(np.diff(settled)).max() < 0.25 / 1000 * 1.01  # the fade, and nothing else
    fade_from = start + new.buffering_samples
    np.testing.assert_array_equal(y[5000:fade_from], 0.5)
    np.testing.assert_allclose(y[fade_from + 1000 :], 0.25, atol=1e-7)
    status = shared.status.as_dict()
    assert status["late_hops"] == status["starved_hops"] == status["engine_errors"] == status["callback_errors"] == 0


def test_the_rings_and_counters_have_one_writer_after_another(shared_for) -> None:
    x = np.random.default_rng(0).standard_normal((40 * 512, 1)).astype(np.float32)
    *_, shared, _ = swap(shared_for, 128, (512, 512), (True, True), 600, x)
    frames = shared.hops.read()["latent_frame"]
    assert shared.status.get("hops") == len(frames)
    np.testing.assert_array_equal(frames, np.arange(len(frames)))
    assert 36 <= len(frames) <= 40  # those between the two are in no ring


def test_a_hop_that_is_late_in_the_incoming_driver_is_not_heard_and_not_counted(shared_for) -> None:
    first, second = Gain(512, 1.0), Gain(512, 0.5)
    shared = shared_for(first)
    host = make_host(first, shared)
    old = make_driver(first, shared, 128, margin=100, host=host)
    new = make_driver(second, shared, 128, margin=100, host=host, state=DriverState.PREROLL)
    crossfader = Crossfader(host, old)
    crossfader.bring_in(new, 10**6, 100)
    play(crossfader, np.ones((20 * 512, 1), np.float32), [128] * 80, old.drain)  # the new one computes nothing
    assert shared.status.get("late_hops") + shared.status.get("starved_hops") == 0
    assert (old.state, new.state) == (DriverState.LIVE, DriverState.PREROLL)


@pytest.mark.parametrize("given_up", [True, False])
def test_it_can_be_given_up(shared_for, given_up: bool) -> None:
    engine = Gain(512, 1.0)
    shared = shared_for(engine)
    host = make_host(engine, shared)
    old = make_driver(engine, shared, 512, False, host=host)
    new = make_driver(Gain(512, 0.5), shared, 512, False, host=host, state=DriverState.PREROLL)
    crossfader = Crossfader(host, old)
    crossfader.bring_in(new, 2048, 512)
    if given_up:
        crossfader.give_up()
    y = play(crossfader, np.ones((20 * 512, 1), np.float32), [512] * 20)[:, 0]
    assert (crossfader.driver is old) == given_up
    assert (y[-1] == 1) == given_up


def test_another_rate(shared_for) -> None:
    """A model of 48 kHz takes over from one of 44.1 kHz; the device stays."""
    from rtrave.audio.buffering import threaded_delay
    from rtrave.audio.driver import Drive, Driver
    from rtrave.audio.host import MAX_BLOCK
    from rtrave.audio.rates import RateBridge

    first, second = Gain(512, 1.0), Gain(512, 0.5)
    second.sample_rate = 48000
    shared = shared_for(first)
    host = make_host(first, shared)
    old = make_driver(first, shared, 128, margin=100, host=host)
    bridge = RateBridge(1, 1, RATE, 48000, MAX_BLOCK, shared.status)
    drive = Drive(True, threaded_delay(512, 48000, None, 128 * 48000 / RATE, 0.003, exact=False))
    new = Driver(second, shared, host, drive, bridge, state=DriverState.PREROLL)
    crossfader = Crossfader(host, old)
    x = np.full((30_000, 1), 0.5, np.float32)

    def after() -> None:
        old.drain()
        new.drain()

    crossfader.bring_in(new, 2 * RATE // 48 + new.buffering_samples + bridge.delay_samples, 1000)
    y = play(crossfader, x, [128] * (len(x) // 128), after)[:, 0]
    assert crossfader.driver is new
    assert np.abs(np.diff(y[2000:])).max() < 0.001
    np.testing.assert_allclose(y[-1000:], 0.25, atol=1e-4)
