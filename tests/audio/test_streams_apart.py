"""Several streams and a second input through the driver: any block size, both bufferings, the rings."""

import numpy as np
import pytest

from rtrave.audio.host import Host
from rtrave.audio.opening import channel_maps
from rtrave.backends.graph_shape import GraphShape
from rtrave.backends.onnx import OnnxBackend
from rtrave.compiler.graph import ensure_graph_of
from rtrave.engine.engine import Engine
from rtrave.errors import RtraveError
from rtrave.ipc.options import RunOptions
from tests.audio.fake import RATE, make_driver, play
from tests.engine.playing import play as play_engine
from tests.tiny import tiny_model

SAMPLES = 128 * 64


def engine_of(batch=2, second_input=False):
    parts = OnnxBackend(ensure_graph_of(tiny_model(), GraphShape(batch=batch)))
    return Engine(parts, second_input=second_input)


def sound(channels, seed=0):
    return (0.1 * np.random.default_rng(seed).standard_normal((SAMPLES, channels))).astype(np.float32)


def driven(shared_for, engine, x, block, threaded, inputs):
    """Play x [T, device channels] in blocks, which change from call to call where `block` is None."""
    shared = shared_for(engine, second=engine.inputs - engine.channels)
    host = Host(shared.status, RATE, inputs, [[0], [1]][: engine.channels])
    driver = make_driver(engine, shared, block, threaded, margin=200, host=host)
    blocks = [block] * (len(x) // block) if block else [1, 17, 100, 127, 128] * (len(x) // 373)
    y = play(driver, x, blocks, driver.drain if threaded else None)
    assert shared.status.get("engine_errors") == 0
    return y[driver.buffering_samples :].T, shared


@pytest.mark.parametrize("threaded", [False, True])
@pytest.mark.parametrize("block", [1, 17, 128, 441, 2047, None])
def test_left_never_leaks_into_right(shared_for, block, threaded):
    x = sound(2)
    quiet = x * np.float32([0, 1])
    loud = x * np.float32([50, 1])
    played = [driven(shared_for, engine_of(), given, block, threaded, [[0], [1]])[0] for given in (quiet, loud)]
    assert np.array_equal(played[0][1], played[1][1])
    assert not np.array_equal(played[0][0], played[1][0])
    expected = play_engine(engine_of(), loud.T)[:, : played[1].shape[1]]
    assert np.array_equal(played[1], expected)
    assert np.abs(expected[1]).max() > 0.01


@pytest.mark.parametrize("threaded", [False, True])
@pytest.mark.parametrize("block", [17, 441, None])
def test_a_second_input_comes_with_the_first(shared_for, block, threaded):
    engine = engine_of(1, second_input=True)
    controls = engine.layout.defaults()
    controls[engine.layout.slots["source/slot"]], controls[engine.layout.slots["source/mix"]] = 1, 0.5
    x = sound(3)
    given = np.stack((x[:, 0], (x[:, 1] + x[:, 2]) * np.float32(0.5)))
    expected = []
    for hop in np.split(given, SAMPLES // engine.hop, axis=1):
        expected.append(np.empty((1, engine.hop), np.float32))
        engine.process(hop, controls, expected[-1])
    expected = np.concatenate(expected, axis=1)

    playing = engine_of(1, second_input=True)

    def shared(*arguments, **sizes):
        memory = shared_for(*arguments, **sizes)
        memory.controls.write(controls)
        return memory

    played, memory = driven(shared, playing, x, block, threaded, [[0], [1, 2]])
    assert np.array_equal(played[0], expected[0, : played.shape[1]])
    rows = memory.audio.read()
    assert rows.shape[1] == 3
    assert np.array_equal(rows[:, :2].T, given[:, : len(rows)])
    assert np.array_equal(rows[:, 2], expected[0, : len(rows)])


def test_a_second_input_that_the_device_lacks_is_refused_in_one_line():
    options = RunOptions(None, second_input=((2,),))
    with pytest.raises(RtraveError, match="device 'desk': expected second input channels 1 to 2, got 3"):
        channel_maps(options, 1, ("desk", 2), ("desk", 2))
    options = RunOptions(None, second_input=((1,),))
    assert channel_maps(options, 1, ("desk", 2), ("desk", 2)) == (((0,), (1,)), ((0, 1),))


def test_two_streams_take_the_first_two_channels_each_its_own():
    assert channel_maps(RunOptions(None), 2, ("desk", 4), ("desk", 4)) == (((0,), (1,)), ((0,), (1,)))
