"""Statistics of hop times: medians of rounds, percentiles, ratios by round, and the verdict."""

import numpy as np
import pytest

from rtrave.bench.measure import Timing, interleave, ratio_of, timing, verdict


def test_medians_of_rounds():
    rounds = [[0.001, 0.001, 0.009], [0.003, 0.003, 0.003], [0.002, 0.002, 0.002]]
    assert timing(rounds).median_ms == pytest.approx(2)
    assert timing(rounds).hops == 9


def test_percentiles_of_all_hops():
    times = np.arange(1, 1001) / 1e3
    found = timing([list(times[:500]), list(times[500:])])
    assert found.p99_ms == pytest.approx(990.01)
    assert found.p999_ms == pytest.approx(999.001)


def test_a_disturbed_round_does_not_move_the_ratio():
    """A round in which both sides or one side is slow does not change the median ratio."""
    ours = [[1.0], [3.0], [1.0], [9.0], [1.0]]
    theirs = [[4.0], [12.0], [4.0], [4.0], [4.0]]
    assert ratio_of(ours, theirs) == pytest.approx(0.25)


def side(name, times_s, log):
    def run(count):
        log.append((name, count))
        return [times_s] * count

    return run


def test_sides_alternate_in_rounds_of_equal_length():
    log, progress = [], []
    ours, theirs = interleave([side("a", 0.01, log), side("b", 0.05, log)], 23, progress.append)
    rounds = log[2:]  # the first two calls determine the length of a round
    assert [name for name, _ in rounds] == ["a", "b"] * (len(rounds) // 2)
    assert sum(map(len, ours)) == sum(map(len, theirs)) == 23
    assert max(map(len, ours)) == 5  # a quarter of a second of the slower one
    assert progress[-1] == 23


def test_verdict():
    def of(p999_ms):
        return verdict(Timing(1, 2, p999_ms, 100), hop_ms=10)

    assert [of(5.0), of(5.1), of(9.0), of(9.1)] == ["fits with margin", "fits", "fits", "does not fit"]
