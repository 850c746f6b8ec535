"""Callbacks are counted exactly by the host's stamps; the stop fades."""

from __future__ import annotations

import numpy as np
import pytest

from rtrave.audio.host import Host, HostClock
from tests.audio.fake import RATE, FakeEngine, Stamps

BLOCK = 2048


def run_clock(stamps_s: list[float], block: int = BLOCK) -> HostClock:
    clock = HostClock(RATE)
    for stamp in stamps_s:
        clock.tick(stamp, block)
    return clock


@pytest.mark.parametrize("block", [16, 256, 2048])
@pytest.mark.parametrize("drift", [-2e-4, 0.0, 2e-4])
def test_lost_periods_are_counted_exactly(block: int, drift: float) -> None:
    rng = np.random.default_rng(block)
    lost = rng.random(5000) < 0.03
    lost[:2] = lost[-1] = False
    index = np.flatnonzero(~lost)
    jitter = rng.uniform(-0.15, 0.15, len(index))
    clock = run_clock(list(3.0 + (index * (1 + drift) + jitter) * block / RATE), block)
    assert clock.received == len(index)
    assert clock.expected == 5000
    assert lost.sum() > 50


def test_a_late_wake_is_no_lost_period() -> None:
    late = [1.0 + (k + (0.9 if k % 50 == 10 else 0.0)) * BLOCK / RATE for k in range(501)]
    clock = run_clock(late)
    assert clock.expected == clock.received == 501


def test_several_lost_in_a_row_and_changing_blocks() -> None:
    clock = HostClock(RATE)
    blocks = np.random.default_rng(1).choice([64, 256, 441], 1000)
    at = 0
    for k, block in enumerate(blocks):
        if k == 500:
            at += 7 * int(block)
        clock.tick(1.0 + at / RATE, int(block))
        at += int(block)
    assert clock.expected - clock.received == 7


def test_no_stamps_means_nothing_is_known_to_be_lost() -> None:
    clock = run_clock([0.0] * 100)
    assert clock.expected == clock.received == 100


def test_callbacks_lost_to_a_callback_that_ran_too_long_are_no_stalls() -> None:
    clock, length_s = HostClock(RATE), BLOCK / RATE
    at = 0
    for k in range(40):
        at += {10: 3, 20: 2, 30: 4}.get(k, 0)  # lost before callback k
        busy_s = {10: 3.5, 20: 0.1, 30: 2.5}.get(k, 0.2) * length_s  # of the callback before
        clock.tick(1.0 + (at + k) * length_s, BLOCK, busy_s)
    assert clock.expected - clock.received == 9
    assert clock.stalls == 2 + 2  # all of the second, and what a busy time of two and a half does not explain


@pytest.mark.parametrize("block", [17, 256])
def test_input_after_a_loss_joins_without_a_step(shared_for, block: int) -> None:
    host = host_with(shared_for, [[0]], [[0]])
    stamps, x, received = Stamps(), np.zeros((1, block), np.float32), []
    for k in range(20):
        if k == 10:
            stamps.advance(3 * block)
        host.begin(block, stamps, None)
        host.take(np.full((block, 1), 1.0 if k < 10 else -1.0, np.float32), x)
        received.append(x[0].copy())
        stamps.advance(block)
    joined = np.concatenate(received)
    assert joined[-1] == -1 and (joined[: 10 * block] == 1).all()
    assert np.abs(np.diff(joined)).max() < 0.06


def host_with(shared_for, inputs, outputs) -> Host:
    return Host(shared_for(FakeEngine(BLOCK)).status, RATE, inputs, outputs)


@pytest.mark.parametrize("block", [17, 256, 2048])
def test_the_stop_fades_to_silence_without_a_step(shared_for, block: int) -> None:
    host = host_with(shared_for, [[0]], [[0]])
    out = []
    for k in range(-(-3000 // block)):
        if k == 1:
            host.fade_out()
        y, piece = np.ones((1, block), np.float32), np.zeros((block, 1), np.float32)
        host.give(y, piece)
        out.append(piece)
    played = np.concatenate(out)[:, 0]
    assert host.silent and played[0] == 1 and played[-1] == 0
    assert np.abs(np.diff(played)).max() < 0.003


@pytest.mark.parametrize("block", [17, 256, 2048])
def test_what_comes_back_rises_without_a_step(shared_for, block: int) -> None:
    host = host_with(shared_for, [[0]], [[0]])
    host.fade_in(1000)
    out = []
    for _ in range(-(-12_000 // block)):
        y, piece = np.ones((1, block), np.float32), np.zeros((block, 1), np.float32)
        host.give(y, piece)
        out.append(piece)
    played = np.concatenate(out)[:, 0]
    assert not played[:1000].any() and (played[1000 + 8820 :] == 1).all()
    assert np.abs(np.diff(played)).max() < 2e-4
