"""Two streams in one batch: each equals an engine of its own, and neither changes the other."""

import numpy as np
import pytest

from rtrave.backends.graph_shape import GraphShape
from rtrave.backends.onnx import OnnxBackend
from rtrave.compiler.graph import ensure_graph_of
from rtrave.dsp.levels import set_width
from rtrave.engine.engine import Engine
from rtrave.model.latent_space import apart, seeded_noise
from tests.engine.playing import noise, play, tiny_engine, with_controls
from tests.tiny import tiny_model

HOPS = 24
# Controls that draw noise, keep state or change levels; loud enough that the limiter and the gate act.
BUSY = {
    "out_gain": 12.0, "in_gate": -30.0, "temperature": 1.0, "dims": 2, "noise": 0.5, "latent_smooth": 20.0,
    "latent_lfo_shape": 5, "latent_lfo_rate": 8.0, "latent_lfo_depth": 1.0, "mix": 0.7,
}  # fmt: skip


def two_streams(frames=1, seed=0):
    shape = GraphShape(batch=2, latent_frames=frames)
    return Engine(OnnxBackend(ensure_graph_of(tiny_model(), shape)), seed)


def busy(engine, **values):
    controls = with_controls(engine)
    for name, value in (BUSY | values).items():
        controls[engine.layout.slots[name.replace("_", "/")]] = value
    return controls


@pytest.mark.parametrize("settings", [{}, BUSY])
def test_the_first_input_does_not_change_the_second_output(settings):
    def right(left_level):
        engine = two_streams()
        x = noise(engine, HOPS)
        x[0] *= left_level
        x[1, x.shape[1] // 2 :] = 0
        return play(engine, x, busy(engine, **settings) if settings else None)[1]

    assert np.array_equal(right(0.0), right(100.0))
    assert np.abs(right(0.0)).max() > 0.01


def test_the_second_input_does_not_change_the_first_output():
    outputs = []
    for level in (0.0, 100.0):
        engine = two_streams()
        x = noise(engine, HOPS)
        x[1] *= level
        outputs.append(play(engine, x, busy(engine)))
    assert np.array_equal(outputs[0][0], outputs[1][0])
    assert not np.array_equal(outputs[0][1], outputs[1][1])


@pytest.mark.parametrize("width", [0.0, 1.0])
def test_two_streams_are_two_mono_engines(width):
    two = two_streams()
    x = noise(two, HOPS)
    y = play(two, x, busy(two, out_width=width))
    left = tiny_engine()
    assert np.allclose(play(left, x[:1], busy(left)), y[:1], atol=1e-5)
    right = tiny_engine()
    right.stream.noise = noise_of_second(own=width == 1)
    assert np.allclose(play(right, x[1:], busy(right)), y[1:], atol=1e-5)


def noise_of_second(own):
    """Return the noise source of the second stream: its own draws, or those of the first stream."""
    both = apart(seeded_noise(0), 1.0)

    def draw(kind, frame, shape):
        rows = both(kind, frame, (2, *shape[1:]))
        return rows[1:] if own else rows[:1]

    return draw


def test_equal_inputs_give_mono_where_the_noise_is_mono():
    engine = two_streams()
    x = np.repeat(noise(engine, HOPS)[:1], 2, axis=0)
    y = play(engine, x, busy(engine, out_width=0.0))
    assert np.allclose(y[0], y[1], atol=1e-5)
    assert not np.allclose(*play(two_streams(), x, busy(engine)), atol=1e-2)


@pytest.mark.parametrize("kind", ["fill", "synth"])
@pytest.mark.parametrize(("width", "correlation"), [(0.0, 1.0), (0.5, np.sqrt(0.5)), (1.0, 0.0), (2.0, -1.0)])
def test_width_sets_the_correlation_of_the_noise(kind, width, correlation):
    left, right = apart(seeded_noise(3), width)(kind, 5, (2, 20000))
    assert np.corrcoef(left, right)[0, 1] == pytest.approx(correlation, abs=0.02)
    assert right.std() == pytest.approx(left.std(), rel=0.02)
    assert np.array_equal(left, seeded_noise(3)(kind, 5, (2, 20000))[0])


def test_the_random_lfo_is_the_same_in_both_streams():
    left, right = apart(seeded_noise(3), 1.0)("lfo", 5, (2, 16))
    assert np.array_equal(left, right)


def test_native_stereo_is_mono_at_width_0_and_unchanged_at_1():
    engine = tiny_engine(channels=2)
    x = noise(engine, HOPS)
    plain = play(engine, x)
    assert np.array_equal(plain, play(tiny_engine(channels=2), x, with_controls(engine, out_width=1.0)))
    narrow = play(tiny_engine(channels=2), x, with_controls(engine, out_width=0.0))
    wide = play(tiny_engine(channels=2), x, with_controls(engine, out_width=2.0, out_limit=0.0))
    assert np.allclose(narrow[0], narrow[1], atol=1e-6)
    assert np.allclose(narrow[0], plain.mean(axis=0), atol=1e-6)
    assert np.allclose(wide[0] - wide[1], 2 * (plain[0] - plain[1]), atol=1e-5)


def test_set_width_keeps_the_mid_signal():
    y = np.random.default_rng(0).standard_normal((2, 17)).astype(np.float32)
    moved = y.copy()
    set_width(moved, np.linspace(0, 2, 17, dtype=np.float32))
    assert np.allclose(moved.sum(axis=0), y.sum(axis=0), atol=1e-5)


def test_the_width_reaches_its_target_within_a_hop():
    engine = tiny_engine(channels=2)
    x = noise(engine, HOPS)
    controls = np.tile(engine.layout.defaults(), (HOPS, 1))
    controls[HOPS // 2 :, engine.layout.slots["out/width"]] = 0.0
    y = play(engine, x, controls)
    side = np.abs(y[0] - y[1])
    at = HOPS // 2 * engine.hop + engine.limiter_delay
    assert side[at : at + engine.hop // 2].max() > 0 and side[at + engine.hop :].max() < 1e-6


@pytest.mark.parametrize("frames", [1, 4])
def test_a_snapshot_restores_both_streams(frames):
    engine = two_streams(frames)
    x = noise(engine, 8)
    half = x.shape[1] // 2
    controls = busy(engine, out_width=0.4)
    play(engine, x[:, :half], controls)
    state = engine.snapshot()
    first = play(engine, x[:, half:], controls)
    other = two_streams(frames, seed=9)
    other.restore(state)
    assert np.array_equal(first, play(other, x[:, half:], controls))
