"""The second input as source B: encoded by its own stream while it is selected, and only then."""

import numpy as np
import pytest

from rtrave.backends.graph_shape import GraphShape
from rtrave.backends.onnx import OnnxBackend
from rtrave.compiler.graph import ensure_graph_of
from rtrave.engine.engine import Engine, open_engine
from rtrave.errors import RtraveError
from rtrave.model.latent_space import seeded_noise
from rtrave.streaming.stream import Stream
from tests.backends.torchscript.playing import folder_of
from tests.engine.playing import play, tiny_engine
from tests.third_party_scripts import Effect
from tests.tiny import tiny_model

HOPS = 16


def tiny_backend(channels=1, batch=1, frames=1):
    return OnnxBackend(ensure_graph_of(tiny_model(channels), GraphShape(batch=batch, latent_frames=frames)))


def stream_on(backend):
    return Stream(backend, seeded_noise(0))


def two_input_engine(**shape):
    return Engine(tiny_backend(**shape), second_input=True)


def play_hops(engine, x, controls):
    """Play x [inputs, T] under one vector of controls, or one per hop.

    Returns the output [C, T] and the latents after the edits [D, hops * N].
    """
    y, z = [], []
    for k, block in enumerate(np.split(x, x.shape[1] // engine.hop, axis=1)):
        out = np.empty((engine.channels, engine.hop), np.float32)
        engine.process(block, controls[k] if controls.ndim == 2 else controls, out)
        y.append(out)
        z.append(engine.report.z_out.copy())
    return np.concatenate(y, axis=1), np.concatenate(z, axis=1)


def sound(engine, hops=HOPS, seed=0):
    draws = np.random.default_rng(seed).standard_normal((engine.inputs, hops * engine.hop))
    return (0.1 * draws).astype(np.float32)


def selected(engine, mix=1.0, slot=1):
    controls = engine.layout.defaults()
    controls[engine.layout.slots["source/slot"]], controls[engine.layout.slots["source/mix"]] = slot, mix
    controls[engine.layout.slots["space"]] = 1.0  # the full space, so that no PCA rounds the latents
    return controls


@pytest.mark.parametrize("frames", [1, 4])
def test_its_latents_equal_those_of_a_stream_on_it(frames):
    engine = two_input_engine(frames=frames)
    x = sound(engine)
    z = play_hops(engine, x, selected(engine))[1]
    assert np.array_equal(z, stream_on(tiny_backend(frames=frames)).encode(x[None, 1:])[0])


def test_while_it_is_off_it_changes_nothing():
    engine = two_input_engine()
    x = sound(engine)
    x[1, 5] = np.inf
    expected = play(tiny_engine(), x[:1])
    for controls in (engine.layout.defaults(), selected(engine, mix=0.0), selected(engine, slot=7)):
        assert np.array_equal(play_hops(two_input_engine(), x, controls)[0], expected)


def test_it_starts_from_silence_when_it_is_selected():
    engine = two_input_engine()
    x = sound(engine)
    on, off = selected(engine), selected(engine, slot=0)
    order = [off, on, on, off, off, *[on] * (HOPS - 5)]
    z = play_hops(engine, x, np.array(order))[1]
    for first, last in ((1, 3), (5, HOPS)):
        part = slice(first * engine.hop, last * engine.hop)
        expected = stream_on(tiny_backend()).encode(x[None, 1:, part])[0]
        assert np.array_equal(z[:, first:last], expected)


def test_each_of_two_streams_has_its_own_second_input():
    engine = two_input_engine(batch=2)
    x = sound(engine)
    y = play_hops(engine, x, selected(engine))[0]
    swapped = play_hops(two_input_engine(batch=2), x[[2, 3, 0, 1]], engine.layout.defaults())[0]
    assert np.allclose(y, swapped, atol=1e-5)
    other = x.copy()
    other[3] *= 3
    assert np.array_equal(play_hops(two_input_engine(batch=2), other, selected(engine))[0][0], y[0])


def test_stereo_models_encode_it_in_stereo():
    engine = two_input_engine(channels=2)
    x = sound(engine)
    z = play_hops(engine, x, selected(engine))[1]
    assert np.array_equal(z, stream_on(tiny_backend(channels=2)).encode(x[None, 2:])[0])


def test_panic_resets_it():
    engine = two_input_engine()
    x = sound(engine)
    controls = np.tile(selected(engine), (HOPS, 1))
    controls[4:, engine.layout.slots["panic"]] = 1.0
    z = play_hops(engine, x, controls)[1]
    assert np.array_equal(z[:, 4:], stream_on(tiny_backend()).encode(x[None, 1:, 4 * engine.hop :])[0])


def test_a_snapshot_includes_it():
    engine = two_input_engine()
    x = sound(engine)
    half = x.shape[1] // 2
    play_hops(engine, x[:, :half], selected(engine))
    state = engine.snapshot()
    first = play_hops(engine, x[:, half:], selected(engine))
    other = two_input_engine()
    other.restore(state)
    second = play_hops(other, x[:, half:], selected(engine))
    assert np.array_equal(first[0], second[0]) and np.array_equal(first[1], second[1])
    assert not np.array_equal(first[1], play_hops(two_input_engine(), x[:, half:], selected(engine))[1])


def test_a_third_party_torchscript_refuses_it(tmp_path):
    folder = folder_of(Effect(), tmp_path)
    with pytest.raises(RtraveError, match="expected a RAVE model, got effect, a third-party TorchScript"):
        open_engine(folder, second_input=True)
