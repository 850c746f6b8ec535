"""Channels reach their destinations, sums are means, and nothing leaks from one side into the other."""

from __future__ import annotations

import numpy as np
import pytest

from rtrave.audio.routing import Router, check_map, default_inputs, default_outputs
from rtrave.errors import RtraveError
from rtrave.ipc.options import LatePolicy
from tests.audio.fake import RATE, FakeEngine, Host, make_driver, play

BLOCK = 2049


def test_channels_reach_their_destinations() -> None:
    router = Router([[3], [0]], [[1, 4], [2]], BLOCK)
    indata = np.arange(BLOCK * 5, dtype=np.float32).reshape(BLOCK, 5)
    x = np.zeros((2, BLOCK), np.float32)
    router.take(indata, x)
    np.testing.assert_array_equal(x, indata[:, [3, 0]].T)
    out = np.full((BLOCK, 5), np.nan, np.float32)
    router.give(x, out)
    np.testing.assert_array_equal(out, np.stack([0 * x[0], x[0], x[1], 0 * x[0], x[0]], axis=1))


def test_a_mono_sum_is_the_mean() -> None:
    indata = np.random.default_rng(0).standard_normal((BLOCK, 4)).astype(np.float32)
    x = np.zeros((2, BLOCK), np.float32)
    Router([[0, 2], [1]], [[0], [1]], BLOCK).take(indata, x)
    np.testing.assert_allclose(x[0], (indata[:, 0] + indata[:, 2]) / 2, rtol=1e-6)
    np.testing.assert_array_equal(x[1], indata[:, 1])


def test_model_channels_that_meet_are_averaged() -> None:
    y = np.stack([np.full(BLOCK, 1.0), np.full(BLOCK, 0.5)]).astype(np.float32)
    out = np.zeros((BLOCK, 1), np.float32)
    Router([[0], [0]], [[0], [0]], BLOCK).give(y, out)
    assert (out == 0.75).all()


@pytest.mark.parametrize("side", [0, 1])
@pytest.mark.parametrize("threaded", [True, False])
def test_a_stereo_stream_keeps_its_sides_apart(shared_for, side: int, threaded: bool) -> None:
    engine = FakeEngine(512, channels=2)
    shared = shared_for(engine)
    host = Host(shared.status, RATE, default_inputs(2, 2), default_outputs(2, 2))
    driver = make_driver(engine, shared, 441, threaded, late=LatePolicy.HOLD, host=host)
    x = np.zeros((441 * 40, 2), np.float32)
    x[:, side] = np.random.default_rng(1).standard_normal(len(x))
    y = play(driver, x, [441] * 40, driver.drain)
    assert y[:, side].any() and not y[:, 1 - side].any()


def test_default_channels() -> None:
    assert default_inputs(1, 8) == ((0,),)
    assert default_inputs(2, 8) == ((0,), (1,)) and default_inputs(2, 1) == ((0,), (0,))
    assert default_outputs(1, 8) == ((0, 1),) and default_outputs(1, 1) == ((0,),)
    assert default_outputs(2, 8) == ((0,), (1,)) and default_outputs(2, 1) == ((0,), (0,))


@pytest.mark.parametrize(
    ("direction", "channels", "said"),
    [
        ("input", ((0,), (1,)), "inputs: expected as many as the model's channels, 1, got 2"),
        ("input", ((0, 2),), "device 'desk': expected input channels 1 to 2, got 3"),
        ("input", ((-1,),), "expected input channels 1 to 2, got 0"),
        ("output", ((0,), (1,)), "outputs: expected as many as the model's channels, 1, got 2"),
        ("output", ((0, 5),), "device 'desk': expected output channels 1 to 2, got 6"),
    ],
)
def test_channels_that_do_not_fit_are_refused_in_one_line(direction, channels, said: str) -> None:
    with pytest.raises(RtraveError, match=said) as error:
        check_map(channels, direction, 1, 2, "desk")
    assert "\n" not in str(error.value)
