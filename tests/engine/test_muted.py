"""A hop in which the model returns NaN is muted, without a click at either end, and counted."""

import numpy as np
import pytest

from rtrave.dsp.gate import Mute
from tests.engine.playing import noise, play, tiny_engine


def test_a_hop_of_nan_is_muted_and_counted():
    engine = tiny_engine()
    x = noise(engine, 40, level=0.05)
    decode_hop = engine.stream.decode_hop
    outputs, counted = [], []
    for hop, block in enumerate(np.split(x, 40, axis=1)):
        engine.stream.decode_hop = (
            (lambda *hop: np.full_like(decode_hop(*hop), np.nan)) if hop in (20, 21) else decode_hop
        )
        outputs.append(play(engine, block))
        counted.append(engine.report.nonfinite_out)
    assert [hop for hop, count in enumerate(counted) if count] == [20, 21]
    y = np.concatenate(outputs, axis=1)
    assert np.isfinite(y).all()
    muted = y[:, engine.limiter_delay :][:, 20 * 128 + 64 : 22 * 128]
    assert not muted.any() and y[:, -128:].any()


@pytest.mark.parametrize("hop", [16, 17, 128, 2048])
def test_no_click_at_either_end(hop):
    mute, parts = Mute(1, hop), []
    for k in range(12):
        y = np.zeros((1, hop), np.float32) if k in (3, 4, 8) else np.ones((1, hop), np.float32)
        mute.process(y, k in (3, 4, 8))
        parts.append(y[0])
    assert np.abs(np.diff(np.concatenate(parts))).max() < 2.0 / min(hop, 64)
