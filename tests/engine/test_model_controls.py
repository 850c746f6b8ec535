"""Controls that reach the model itself: temperature, seed, the attributes of adaptive instance norm, panic."""

import numpy as np
import pytest

from rtrave.streaming.open_stream import stream
from tests.engine.playing import noise, play, tiny_engine, with_controls
from tests.tiny import tiny_model


@pytest.mark.parametrize("seed", [0, 5])
def test_temperature_draws_from_the_posterior_as_the_stream_does(seed):
    engine = tiny_engine()
    x = noise(engine, 20, level=0.01)
    live = stream(tiny_model(), seed=seed)
    z = live.encode(x[None], temperature=0.7)
    expected = live.decode(z)[0]
    observed = play(engine, x, with_controls(engine, temperature=0.7, seed=seed, out_limit=0))
    delay = engine.limiter_delay
    assert np.array_equal(observed[:, delay:], expected[:, :-delay])
    assert np.array_equal(engine.report.z_in, z[0, :, -1:])


def test_the_seed_changes_while_playing():
    one, other = tiny_engine(seed=3), tiny_engine()
    x = noise(one, 10, level=0.01)
    controls = with_controls(other, temperature=1.0, seed=3)
    assert np.array_equal(play(one, x, with_controls(one, temperature=1.0)), play(other, x, controls))
    assert one.layout.defaults()[one.layout.slots["seed"]] == 3


def test_panic_ends_a_glide_and_resets_the_edits():
    engine, fresh = tiny_engine(), tiny_engine()
    x = noise(engine, 10, level=0.01)
    play(engine, x, with_controls(engine, latent_lfo_shape=1, latent_lfo_depth=1.0, latent_smooth=500.0))
    glide = {"glide_time": 60.0, "glide_count": 1, "latent_bias": 2.0}
    play(engine, x, with_controls(engine, **glide))
    panicked = {"glide_time": 60.0, "glide_count": 1, "panic": 1}
    delay = engine.limiter_delay  # the limiter still holds samples from before the panic
    assert np.array_equal(play(engine, x, with_controls(engine, **panicked))[:, delay:], play(fresh, x)[:, delay:])


def test_the_gain_glides_too():
    engine = tiny_engine()
    x = noise(engine, 60, level=0.01)
    play(engine, x[:, :128], with_controls(engine, mix=0.0))
    frames = round(0.1 * engine.spec.latent_rate_hz)
    y = play(engine, x, with_controls(engine, mix=0.0, out_gain=-20.0, glide_time=0.1, glide_count=1))
    assert frames < 50
    ratio = y[0, -128:] / x[0, -128 - engine.dry_delay : -engine.dry_delay]
    assert np.allclose(ratio, 0.1, rtol=1e-4)


class AttributeRecorder:
    """Stand-in for a stream that records which attributes are set."""

    attributes = ("learn_source", "reset_source")

    def __init__(self):
        self.sent = []

    def set_attribute(self, name, value):
        self.sent.append((name, value))


def test_attributes_follow_the_controls():
    from rtrave.control.vector import make_layout
    from rtrave.engine.attributes import Attributes

    layout, model = make_layout(2), AttributeRecorder()
    follower = Attributes(model, layout)
    controls = layout.defaults()
    learn, reset = (layout.slots[f"attribute/{name}"] for name in ("learn_source", "reset_source"))
    controls[reset] = 4  # fired in an earlier run
    follower.follow(controls)
    assert model.sent == []
    controls[learn], controls[reset] = 1, 5
    follower.follow(controls)
    follower.follow(controls)
    assert model.sent == [("learn_source", True), ("reset_source", True)]
    follower.reset()
    follower.follow(controls)
    assert model.sent[2:] == [("learn_source", True)]


def test_adain_learns_by_a_control():
    from rtrave.backends.graph_shape import GraphShape
    from rtrave.backends.onnx import OnnxBackend
    from rtrave.compiler.graph import ensure_graph_of
    from rtrave.engine.engine import Engine
    from rtrave.model.formats.load import load
    from tests.reference import DATA

    engine = Engine(OnnxBackend(ensure_graph_of(load(DATA / "v3"), GraphShape())))
    assert "learn_target" in engine.stream.attributes
    x = noise(engine, 4, level=0.01)
    controls = engine.layout.defaults()
    controls[engine.layout.slots["attribute/learn_target"]] = 1
    play(engine, x, controls)
    state = engine.stream.snapshot()
    assert any(name.endswith(".learn") and array[:, 1].all() for name, array in state.items() if array.ndim)
