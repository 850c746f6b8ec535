"""A result that is not there in time is not played late: a gap with fades, counted once, alignment kept."""

from __future__ import annotations

import numpy as np
import pytest

from rtrave.audio.callback import BACKLOG_HOPS, Driver
from rtrave.audio.host import GAP_FADE
from rtrave.settings import HOP_FIELDS
from tests.audio.fake import FakeEngine, make_host, play

HOP, BLOCK = 512, 128
DELAY = 2 * HOP - BLOCK


def run_with_stalls(shared_for, stalled: range, hops: int = 40):
    """The inference rests during the calls in `stalled`. Returns x, y, shared."""
    engine = FakeEngine(HOP)
    shared = shared_for(engine)
    driver = Driver(engine, shared, make_host(engine, shared), BLOCK)
    x = (0.5 + 0.1 * np.random.default_rng(3).standard_normal((hops * HOP, 1))).astype(np.float32)
    call = iter(range(10**6))
    y = play(driver, x, [BLOCK] * (len(x) // BLOCK), lambda: None if next(call) in stalled else driver.drain())
    return x[:, 0], y[:, 0], shared


def hop_flags(shared) -> np.ndarray:
    return shared.hops.read()[:, HOP_FIELDS.index("late")]


@pytest.mark.parametrize(("calls", "late"), [(1, 0), (3, 0), (4, 1), (5, 1), (8, 2), (13, 3)])
def test_late_hops_are_counted_exactly_and_the_rest_keeps_its_place(shared_for, calls: int, late: int) -> None:
    first = 10 * HOP // BLOCK - 1  # the call that completes hop 9
    x, y, shared = run_with_stalls(shared_for, range(first, first + calls))
    assert shared.status.get("late_hops") == late
    assert hop_flags(shared).sum() == late
    expected = x[: len(y) - DELAY]
    played = y[DELAY:]
    apart = np.flatnonzero(played != expected)
    if not late:
        assert not len(apart)
        return
    gap_start, gap_end = 9 * HOP, 9 * HOP + (calls - 4 + 1) * BLOCK
    assert apart.min() == gap_start and apart.max() < gap_end + GAP_FADE
    assert not played[gap_start + GAP_FADE : gap_end].any()


def test_the_gap_starts_and_ends_without_a_click(shared_for) -> None:
    first = 10 * HOP // BLOCK - 1
    engine = FakeEngine(HOP)
    shared = shared_for(engine)
    driver = Driver(engine, shared, make_host(engine, shared), BLOCK)
    x = np.full((20 * HOP, 1), 1.0, np.float32)
    call = iter(range(10**6))
    y = play(
        driver,
        x,
        [BLOCK] * (len(x) // BLOCK),
        lambda: None if next(call) in range(first, first + 6) else driver.drain(),
    )
    steps = np.abs(np.diff(y[DELAY:, 0]))
    assert (y[DELAY:, 0] == 0).any()
    assert steps.max() < 2.5 / GAP_FADE


def test_a_backlog_too_long_skips_input_and_finds_its_place_again(shared_for) -> None:
    first = 5 * HOP // BLOCK
    x, y, shared = run_with_stalls(shared_for, range(first, first + (BACKLOG_HOPS + 12) * 4), hops=60)
    status = shared.status.as_dict()
    assert status["skipped_hops"] > 0
    assert status["hops"] == 60 - status["skipped_hops"]
    np.testing.assert_array_equal(y[-10 * HOP :], x[: len(y) - DELAY][-10 * HOP :])


def test_direct_counts_hops_beyond_the_deadline(shared_for) -> None:
    engine = FakeEngine(HOP)
    shared = shared_for(engine)
    driver = Driver(engine, shared, make_host(engine, shared), HOP, deadline_s=60.0)
    play(driver, np.zeros((HOP * 3, 1), np.float32), [HOP] * 3)
    assert shared.status.get("late_hops") == 0
    driver._deadline_s = 0.0
    play(driver, np.zeros((HOP * 2, 1), np.float32), [HOP] * 2)
    assert shared.status.get("late_hops") == 2
    assert hop_flags(shared).tolist() == [0, 0, 0, 1, 1]
