"""The comparison with upstream can fail: wrong values, wrong shapes, silence, NaN and infinity."""

import numpy as np
import pytest

from tests.interop.test_against_upstream import tool

compare = tool("compare")


def test_peak_error_is_relative_to_the_peak():
    expected = np.array([[[0.0, 4.0, -1.0]]], np.float32)
    actual = expected + np.array([[[0.0, 0.0, 0.04]]], np.float32)
    assert compare.peak_error(actual, expected) == pytest.approx(0.01, rel=1e-4)


def test_rtrave_must_be_finite_where_upstream_is_not():
    expected = np.array([[[np.nan, 1.0]]], np.float32)
    assert compare.peak_error(np.array([[[3.0, 1.0]]], np.float32), expected) == 0
    assert compare.peak_error(np.array([[[np.nan, 1.0]]], np.float32), expected) == float("inf")


@pytest.mark.parametrize("expected", [np.zeros((1, 1, 3)), np.full((1, 1, 3), np.nan), np.zeros((1, 1, 0))])
def test_nothing_to_compare_is_no_success(expected):
    assert compare.peak_error(np.zeros_like(np.nan_to_num(expected)), expected) == float("inf")


def test_another_shape_is_refused():
    with pytest.raises(ValueError, match="shape"):
        compare.peak_error(np.zeros((1, 2, 3)), np.ones((1, 3, 2)))


def test_an_outcome_with_nothing_measured_is_not_equal():
    assert not compare.Outcome("case", "run folder", None, {}).equal
    assert not compare.Outcome("case", "run folder", "refused", {"encode": 0.0}).equal
    assert not compare.Outcome("case", "run folder", None, {"encode": 2e-4}).equal
    assert compare.Outcome("case", "run folder", None, {"encode": 5e-5}).equal


def test_blocks_cover_the_whole_signal():
    signal = np.arange(14, dtype=np.float32)[None, None]
    seen = []

    def method(block):
        seen.append(block.shape[2])
        return block

    np.testing.assert_array_equal(compare._in_blocks(method, signal, compare._block_sizes(2)), signal)
    assert seen == [2, 6, 4, 2]
