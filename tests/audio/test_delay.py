"""Both drivers give the engine's stream, sample for sample, late by exactly `buffering_samples`."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from rtrave.audio.callback import Driver, buffering_samples
from tests.audio.fake import FakeEngine, make_host, play

HOP = 512


def noise(samples: int, channels: int = 2) -> np.ndarray:
    return np.random.default_rng(1).standard_normal((samples, channels)).astype(np.float32)


def threaded(shared_for, block: int | None, channels: int = 1) -> Driver:
    engine = FakeEngine(HOP, channels)
    shared = shared_for(engine)
    return Driver(engine, shared, make_host(engine, shared), block)


def last_moment(driver: Driver, block: int) -> Callable[[], None]:
    """Drain as late as the driver promises to bear: a whole hop after the input was there, where blocks divide it."""
    per_hop = HOP // block if HOP % block == 0 else 1
    calls = iter(range(10**6))
    return lambda: driver.drain() if (next(calls) + 2) % per_hop == 0 else None


@pytest.mark.parametrize(
    ("block", "direct", "threaded_"),
    [
        (1, 511, 1023),
        (64, 448, 960),
        (256, 256, 768),
        (512, 0, 512),
        (1024, 0, 1024),
        (441, 511, 1024),
        (700, 508, 1212),
        (None, 512, 1024),
    ],
)
def test_delay_of_a_block(block: int | None, direct: int, threaded_: int) -> None:
    assert buffering_samples(HOP, block, threaded=False) == direct
    assert buffering_samples(HOP, block, threaded=True) == threaded_


@pytest.mark.parametrize("block", [1, 17, 64, 256, 441, 511, 512, 700, 1024, 1500])
def test_threaded_is_the_stream_delayed(shared_for, block: int) -> None:
    driver = threaded(shared_for, block)
    x = noise(HOP * 12)
    y = play(driver, x, [block] * (len(x) // block), last_moment(driver, block))
    delay = driver.buffering_samples
    np.testing.assert_array_equal(y[delay:, 0], x[: len(y) - delay, 0])
    assert not y[:delay].any()
    assert driver._status.get("late_hops") == 0


def test_threaded_with_blocks_that_change_from_call_to_call(shared_for) -> None:
    rng = np.random.default_rng(2)
    blocks = [int(b) for b in rng.choice([1, 17, 100, 255, 256, 511, 512], 120)]
    driver = threaded(shared_for, None)
    x = noise(sum(blocks))
    y = play(driver, x, blocks, driver.drain)
    np.testing.assert_array_equal(y[1024:, 0], x[:-1024, 0])
    assert driver._status.get("late_hops") == 0


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
    np.testing.assert_array_equal(y[768:, 0], x[:-768, 0])
    assert driver._status.get("hops") == 40


def test_a_driver_told_a_delay_too_short_is_found_out(shared_for) -> None:
    driver = threaded(shared_for, 256)
    driver.buffering_samples -= 256
    y = play(driver, noise(HOP * 12), [256] * 24, last_moment(driver, 256))
    assert driver._status.get("late_hops") > 0
    assert (y[2048:] == 0).any()


@pytest.mark.parametrize("block", [1, 17, 64, 256, 441, 511, 512, 700, 1024, 1536])
def test_direct_is_the_stream_delayed(shared_for, block: int) -> None:
    engine = FakeEngine(HOP, channels=2)
    shared = shared_for(engine)
    driver = Driver(engine, shared, make_host(engine, shared), block, deadline_s=60.0)
    x = noise(HOP * 12)
    y = play(driver, x, [block] * (len(x) // block))
    delay = driver.buffering_samples
    np.testing.assert_array_equal(y[delay:], x[: len(y) - delay])
    assert not y[:delay].any()


def test_direct_with_blocks_that_change_from_call_to_call(shared_for) -> None:
    engine = FakeEngine(HOP)
    shared = shared_for(engine)
    driver = Driver(engine, shared, make_host(engine, shared), None, deadline_s=60.0)
    blocks = [1024, 1024, 952] * 5
    x = noise(sum(blocks))
    y = play(driver, x, blocks)
    np.testing.assert_array_equal(y[HOP:, 0], x[:-HOP, 0])
