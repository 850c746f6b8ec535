"""NaN, infinity and extreme levels in the input are counted; the output is finite and the stream plays on."""

import numpy as np
import pytest

from tests.engine.playing import noise, play, tiny_engine, with_controls


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_nonfinite_input_is_silenced_and_counted(value):
    engine = tiny_engine()
    x = noise(engine, 20)
    clean = x.copy()
    x[0, 500:517] = value
    clean[0, 500:517] = 0
    counted = 0
    outputs = []
    for block in np.split(x, 20, axis=1):
        outputs.append(play(engine, block))
        counted += engine.report.nonfinite_in
        assert np.isfinite(engine.report.x).all()
    assert counted == 17
    assert np.array_equal(np.concatenate(outputs, axis=1), play(tiny_engine(), clean))


@pytest.mark.parametrize("limiter", [0, 1])
def test_overflow_is_silenced_and_counted_and_the_stream_recovers(limiter):
    engine = tiny_engine()
    controls = with_controls(engine, out_limit=limiter, in_gain=12.0, out_gain=12.0, mix=0.5)
    x = noise(engine, 60)
    x[:, 10 * 128 : 11 * 128] = 3e38
    counted, outputs = 0, []
    for block in np.split(x, 60, axis=1):
        outputs.append(play(engine, block, controls))
        counted += engine.report.nonfinite_out
        assert np.isfinite(outputs[-1]).all()
    assert counted > 0
    assert outputs[-1].any()


def test_warnings_are_not_printed(capfd):
    engine = tiny_engine()
    play(engine, np.full((1, 10 * 128), 3e38, np.float32), with_controls(engine, in_gain=12.0))
    assert capfd.readouterr() == ("", "")
