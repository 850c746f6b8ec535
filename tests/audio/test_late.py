"""A hop that is not ready in time is never played late: its gap is faded and counted once, the alignment stays."""

from __future__ import annotations

import numpy as np
import pytest

from rtrave.audio.driver import BACKLOG_HOPS
from rtrave.audio.gap import GAP_FADE, HOLD_LIMIT_S, HOLD_SAMPLES, GapFill
from rtrave.ipc.options import LatePolicy
from tests.audio.fake import RATE, FakeEngine, make_driver, make_host, play

HOP, BLOCK = 512, 128
MARGIN = 2 * BLOCK
DELAY = HOP + MARGIN - BLOCK


class StreamClock:
    """The time of a host that calls on time: moved on by one block after each call."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def run_with_stalls(shared_for, stalled: range, hops: int = 40, burst: bool = False):
    """The inference rests during the calls in `stalled`; `burst`: those come without time between them."""
    engine, clock = FakeEngine(HOP), StreamClock()
    shared = shared_for(engine)
    driver = make_driver(engine, shared, BLOCK, margin=MARGIN, host=make_host(engine, shared, clock=clock))
    x = (0.5 + 0.1 * np.random.default_rng(3).standard_normal((hops * HOP, 1))).astype(np.float32)
    call = iter(range(10**6))

    def after() -> None:
        resting = next(call) in stalled
        if not resting:
            driver.drain()
        if not (burst and resting):
            clock.now_s += BLOCK / RATE

    y = play(driver, x, [BLOCK] * (len(x) // BLOCK), after)
    return x[:, 0], y[:, 0], shared


def hop_flags(shared) -> np.ndarray:
    return shared.hops.read()["late"]


@pytest.mark.parametrize(("calls", "late"), [(1, 0), (2, 1), (3, 1), (5, 1), (6, 2), (10, 3)])
def test_late_hops_are_counted_exactly_and_the_rest_keeps_its_place(shared_for, calls: int, late: int) -> None:
    first = 10 * HOP // BLOCK - 1  # the call that completes hop 9
    x, y, shared = run_with_stalls(shared_for, range(first, first + calls))
    assert shared.status.get("late_hops") == late
    assert shared.status.get("starved_hops") == shared.status.get("stalls") == 0
    assert hop_flags(shared).sum() == late
    expected = x[: len(y) - DELAY]
    played = y[DELAY:]
    apart = np.flatnonzero(played != expected)
    if not late:
        assert not len(apart)
        return
    gap_start, gap_end = 9 * HOP, 9 * HOP + (calls - 1) * BLOCK
    assert apart.min() == gap_start and apart.max() < gap_end + GAP_FADE
    assert not played[gap_start + GAP_FADE : gap_end].any()


def test_callbacks_that_come_too_fast_are_not_the_inferences_fault(shared_for) -> None:
    first = 10 * HOP // BLOCK - 1
    _, _, shared = run_with_stalls(shared_for, range(first, first + 6), burst=True)
    assert shared.status.get("late_hops") == 0
    assert shared.status.get("starved_hops") == 2
    assert hop_flags(shared).sum() == 2


def test_a_backlog_too_long_skips_input_and_finds_its_place_again(shared_for) -> None:
    first = 5 * HOP // BLOCK
    x, y, shared = run_with_stalls(shared_for, range(first, first + (BACKLOG_HOPS + 12) * 4), hops=60)
    status = shared.status.as_dict()
    assert status["skipped_hops"] > 0
    assert status["hops"] == 60 - status["skipped_hops"]
    np.testing.assert_array_equal(y[-10 * HOP :], x[: len(y) - DELAY][-10 * HOP :])


def test_dry_plays_the_input_in_the_place_of_the_hop(shared_for) -> None:
    driver = dry_driver(shared_for, dry_delay=100, dry_gain=0.5)
    x = (0.1 * np.random.default_rng(5).standard_normal((20 * HOP, 1))).astype(np.float32)
    y = played(driver, x, rest=range(39, 47))[DELAY:]
    gap = slice(9 * HOP + GAP_FADE, 9 * HOP + 7 * BLOCK)
    np.testing.assert_array_equal(y[gap], 0.5 * x[gap.start - 100 : gap.stop - 100, 0])


def test_dry_carries_no_nan_and_stays_below_full_scale(shared_for) -> None:
    driver = dry_driver(shared_for)
    x = np.full((20 * HOP, 1), 3.0, np.float32)
    x[9 * HOP + 70 : 9 * HOP + 90] = np.nan
    y = played(driver, x, rest=range(39, 47))[DELAY:]
    gap = y[9 * HOP + GAP_FADE : 9 * HOP + 7 * BLOCK]
    assert np.isfinite(gap).all() and 0.98 < gap.max() < 1


def dry_driver(shared_for, dry_delay: int = 0, dry_gain: float = 1.0):
    engine = FakeEngine(HOP)
    engine.dry_delay, engine.dry_gain = dry_delay, dry_gain
    return make_driver(engine, shared_for(engine), BLOCK, margin=MARGIN, late=LatePolicy.DRY)


def played(driver, x: np.ndarray, rest: range) -> np.ndarray:
    call = iter(range(10**6))
    blocks = [BLOCK] * (len(x) // BLOCK)
    return play(driver, x, blocks, lambda: None if next(call) in rest else driver.drain())[:, 0]


def test_hold_goes_on_backwards_and_dies_away() -> None:
    fill = GapFill(1, RATE, LatePolicy.HOLD)
    x = np.random.default_rng(6).standard_normal((1, 3 * HOLD_SAMPLES)).astype(np.float32)
    fill.play(x.copy(), np.zeros_like)
    held = np.zeros((1, 2 * RATE), np.float32)
    for at in range(0, held.shape[1], 441):
        fill.bridge(held[:, at : at + 441], np.zeros_like)
    np.testing.assert_allclose(held[0, :100], x[0, -2:-102:-1], atol=0.02)
    assert held[0, : RATE // 2].any() and not held[0, int(HOLD_LIMIT_S * RATE) :].any()


@pytest.mark.parametrize("policy", LatePolicy)
@pytest.mark.parametrize("piece", [1, 17, 64, 128, 2049])
def test_no_gap_of_any_length_clicks(policy: LatePolicy, piece: int) -> None:
    """A 100 Hz sine at -20 dBFS steps by -57 dBFS at most; nothing around a gap may step above -40 dBFS."""
    sine = (0.1 * np.sin(2 * np.pi * 100 / RATE * np.arange(RATE))).astype(np.float32)
    fill, out, at, rng = GapFill(1, RATE, policy), [], 0, np.random.default_rng(piece)
    while at + piece <= len(sine):
        there = rng.random() < 0.5
        for _ in range(int(rng.integers(1, 1 + 600 // piece + 1))):
            y = sine[None, at : at + piece].copy()

            def dry(into: np.ndarray, start: int = at) -> None:
                into[0] = 0.08 * np.sin(2 * np.pi * 100 / RATE * (start + 30 + np.arange(into.shape[1])))

            (fill.play if there else fill.bridge)(y, dry)
            out.append(y[0])
            at += piece
            if at + piece > len(sine):
                break
    assert np.abs(np.diff(np.concatenate(out))).max() < 0.01


def test_direct_counts_hops_beyond_the_deadline(shared_for) -> None:
    engine, clock = FakeEngine(HOP), StreamClock()
    shared = shared_for(engine)
    host = make_host(engine, shared, clock=clock)
    driver = make_driver(engine, shared, HOP, threaded=False, host=host)
    for hop in (3, 4):
        engine.slow[hop] = lambda: setattr(clock, "now_s", clock.now_s + 1.01 * HOP / RATE)
    engine.slow[5] = lambda: setattr(clock, "now_s", clock.now_s + 0.99 * HOP / RATE)
    play(driver, np.zeros((HOP * 7, 1), np.float32), [HOP] * 7)
    assert shared.status.get("late_hops") == 2
    assert hop_flags(shared).tolist() == [0, 0, 0, 1, 1, 0, 0]


def test_direct_grants_the_hops_of_one_callback_its_time_together(shared_for) -> None:
    engine, clock = FakeEngine(HOP // 4), StreamClock()
    shared = shared_for(engine)
    driver = make_driver(engine, shared, HOP, threaded=False, host=make_host(engine, shared, clock=clock))
    engine.slow[1] = lambda: setattr(clock, "now_s", clock.now_s + 0.9 * HOP / RATE)  # alone in the first callback
    for hop in (9, 10):  # together too much in the third
        engine.slow[hop] = lambda: setattr(clock, "now_s", clock.now_s + 0.6 * HOP / RATE)
    play(driver, np.zeros((HOP * 4, 1), np.float32), [HOP] * 4)
    assert hop_flags(shared).tolist() == [0] * 10 + [1, 1] + [0] * 4
    assert shared.status.get("late_hops") == 2
