"""Both modes play the engine's stream, sample for sample, delayed by exactly `buffering_samples`."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from rtrave.audio.buffering import direct_delay, margin_for, threaded_delay
from rtrave.audio.driver import Driver
from tests.audio.fake import RATE, FakeEngine, make_driver, play

HOP = 512
MARGIN = 200  # samples


def noise(samples: int, channels: int = 2) -> np.ndarray:
    return np.random.default_rng(1).standard_normal((samples, channels)).astype(np.float32)


def threaded(shared_for, block: int | None, channels: int = 1, margin: int = MARGIN) -> Driver:
    engine = FakeEngine(HOP, channels)
    return make_driver(engine, shared_for(engine), block, margin=margin)


def last_moment(driver: Driver, block: int, margin: int) -> Callable[[], None]:
    """Drain as late as the margin permits: in the last callback before it is over."""
    full_at: list[int] = []
    received = [0]

    def after() -> None:
        received[0] += block
        while (len(full_at) + 1) * HOP <= driver._position:
            full_at.append(received[0])
        if driver._next < len(full_at) and received[0] + block >= full_at[driver._next] + margin:
            driver.drain()

    return after


@pytest.mark.parametrize(
    ("block", "direct", "threaded_"),
    [
        (1, 511, 512 + 199),
        (64, 448, 512 + 3 * 64),
        (256, 256, 512),
        (512, 0, 512),
        (1024, 0, 1024),
        (441, 511, 512 + 440),
        (700, 508, 512 + 696),
        (None, 512, 512 + 512 + 1 + 512),
    ],
)
def test_delay_of_a_block(block: int | None, direct: int, threaded_: int) -> None:
    assert direct_delay(HOP, RATE, block, block).samples == direct
    assert threaded_delay(HOP, RATE, block, block, MARGIN / RATE).samples == threaded_


@pytest.mark.parametrize(
    ("hop", "block", "period", "margin_ms", "samples", "granted"),
    [
        (2048, 256, 256, 16, 2048 + 2 * 256, 3 * 256),
        (2048, 1024, 2048, 16, 2048, 2048),  # two callbacks a period, and the second has no time of its own
        (2048, None, 3000, 16, 2048 + 3000 - 8, 3000),
        (2048, 512, 256, 16, 2048 + 512, 1024),
        (2048, 441, 256, 16, 2048 + 3 * 441 - 1, 1323),  # callbacks come up to a period late
        (128, 32, 32, 5, 128 + 6 * 32, 7 * 32),  # a margin of several hops
        (128, 512, 512, 5, 512 + 512, 1024),  # four hops at once
    ],
)
def test_the_margin_is_granted_in_whole_quanta(hop, block, period, margin_ms, samples, granted) -> None:
    delay = threaded_delay(hop, RATE, block, period, margin_ms / 1000)
    assert delay.samples == samples
    assert delay.granted_s == pytest.approx(granted / RATE)


def test_the_margin_grows_with_the_engine_and_never_vanishes() -> None:
    assert margin_for(0.0) > 0
    assert margin_for(0.020) > margin_for(0.010) + 0.010


@pytest.mark.parametrize("margin", [1, MARGIN, HOP, 3 * HOP])
@pytest.mark.parametrize("block", [1, 17, 64, 256, 441, 511, 512])
def test_threaded_is_the_stream_delayed_though_it_comes_at_the_last_moment(shared_for, block: int, margin: int) -> None:
    driver = threaded(shared_for, block, margin=margin)
    x = noise(HOP * 12)
    y = play(driver, x, [block] * (len(x) // block), last_moment(driver, block, margin))
    delay = driver.buffering_samples
    assert delay <= HOP + margin + block
    np.testing.assert_array_equal(y[delay:, 0], x[: len(y) - delay, 0])
    assert not y[:delay].any()
    assert driver._status.get("late_hops") == driver._status.get("starved_hops") == 0


@pytest.mark.parametrize("block", [700, 1024, 1500])
def test_blocks_of_several_hops(shared_for, block: int) -> None:
    driver = threaded(shared_for, block)
    x = noise(HOP * 30)
    y = play(driver, x, [block] * (len(x) // block), driver.drain)
    delay = driver.buffering_samples
    np.testing.assert_array_equal(y[delay:, 0], x[: len(y) - delay, 0])


def test_threaded_with_blocks_that_change_from_call_to_call(shared_for) -> None:
    rng = np.random.default_rng(2)
    blocks = [int(b) for b in rng.choice([1, 17, 100, 255, 256, 511, 512], 120)]
    driver = threaded(shared_for, None)
    x = noise(sum(blocks))
    y = play(driver, x, blocks, driver.drain)
    delay = driver.buffering_samples
    np.testing.assert_array_equal(y[delay:, 0], x[:-delay, 0])
    assert driver._status.get("late_hops") == driver._status.get("starved_hops") == 0


def test_threaded_with_its_own_thread(shared_for) -> None:
    driver = threaded(shared_for, 256)
    x = noise(HOP * 40)

    def wait_for_thread() -> None:
        done = driver._position // HOP
        while driver._status.get("hops") < done:
            pass

    driver.start()
    y = play(driver, x, [256] * (len(x) // 256), wait_for_thread)
    driver.stop()
    np.testing.assert_array_equal(y[HOP:, 0], x[:-HOP, 0])
    assert driver._status.get("hops") == 40


def test_a_driver_told_a_delay_too_short_is_found_out(shared_for) -> None:
    driver = threaded(shared_for, 256, margin=HOP)
    driver.buffering_samples -= 256
    y = play(driver, noise(HOP * 12), [256] * 24, last_moment(driver, 256, HOP))
    status = driver._status
    assert status.get("late_hops") + status.get("starved_hops") > 0
    assert (y[2048:] == 0).any()


@pytest.mark.parametrize("block", [1, 17, 64, 256, 441, 511, 512, 700, 1024, 1536])
def test_direct_is_the_stream_delayed(shared_for, block: int) -> None:
    engine = FakeEngine(HOP, channels=2)
    driver = make_driver(engine, shared_for(engine), block, threaded=False)
    x = noise(HOP * 12)
    y = play(driver, x, [block] * (len(x) // block))
    delay = driver.buffering_samples
    assert delay == HOP - math.gcd(HOP, block)
    np.testing.assert_array_equal(y[delay:], x[: len(y) - delay])
    assert not y[:delay].any()


def test_direct_with_blocks_that_change_from_call_to_call(shared_for) -> None:
    engine = FakeEngine(HOP)
    driver = make_driver(engine, shared_for(engine), None, threaded=False)
    blocks = [1024, 1024, 952] * 5
    x = noise(sum(blocks))
    y = play(driver, x, blocks)
    np.testing.assert_array_equal(y[HOP:, 0], x[:-HOP, 0])
