"""With the controls at their defaults the engine equals the model's stream, bit for bit, after the limiter's delay."""

import numpy as np
import pytest

from rtrave.streaming.open_stream import stream
from tests.engine.playing import noise, play, tiny_engine, with_controls
from tests.tiny import tiny_model


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("space", [0, 1])
def test_bit_for_bit(channels, space):
    engine = tiny_engine(channels)
    x = noise(engine, 50, level=0.01)
    expected = stream(tiny_model(channels)).process(x[None])[0]
    assert np.abs(expected).max() < 0.98  # so quiet that the limiter does not act
    assert np.abs(expected).max() > 0.001
    y = play(engine, x, with_controls(engine, space=space))
    assert np.array_equal(y[:, engine.limiter_delay :], expected[:, : -engine.limiter_delay])


def test_on_the_default_model():
    from rtrave.backends.cache import ensure_graph
    from rtrave.backends.graph_shape import GraphShape
    from rtrave.engine.engine import open_engine
    from rtrave.model.registry import find_model

    engine = open_engine(ensure_graph(find_model("strings"), GraphShape()))
    x = noise(engine, 20)
    y, expected = play(engine, x), stream("strings").process(x[None])[0]
    assert np.array_equal(y[:, engine.limiter_delay :], expected[:, : -engine.limiter_delay])
