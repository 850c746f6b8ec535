"""Routed pairs: the encoder of one model into the decoder of another."""

from dataclasses import replace

import numpy as np
import pytest

from rtrave.backends.graph_shape import GraphShape
from rtrave.backends.matching import Spread, bridge, common_hop, unit_spread
from rtrave.backends.onnx import OnnxBackend
from rtrave.backends.opening import read_facts
from rtrave.backends.routed import ensure_routed
from rtrave.compiler.graph import ensure_graph_of
from rtrave.engine.engine import Engine, open_engine
from rtrave.errors import RtraveError
from rtrave.model.latent_space import compress
from tests.engine.playing import noise, play, with_controls
from tests.tiny import tiny_model

OTHER = {"latent_size": 6, "ratios": (4, 4), "sample_rate": 48000}


def graph(hop=128, **model):
    return ensure_graph_of(tiny_model(**model), GraphShape(hop=hop))


def routed(a, b, spread_a=None, spread_b=None):
    spreads = [s or unit_spread(read_facts(g).spec.full_latent_size) for s, g in ((spread_a, a), (spread_b, b))]
    return ensure_routed(a, b, *spreads)


def test_a_model_into_itself_is_the_model():
    own = graph()
    folder, notes = routed(own, own)
    engine, plain = open_engine(folder), Engine(OnnxBackend(own))
    x = noise(engine, 30, level=0.01)
    expected = play(plain, x)
    assert np.abs(expected).max() > 1e-3
    assert np.allclose(play(engine, x), expected, atol=1e-3 * np.abs(expected).max())
    assert notes == [] and read_facts(folder).spec.name == "tiny to tiny"
    assert read_facts(folder).spec.acoustic_delay == plain.spec.acoustic_delay


def test_components_are_matched_by_their_spread():
    a, b = read_facts(graph()), read_facts(graph(256, **OTHER))
    rng = np.random.default_rng(0)
    spread_a = Spread(rng.normal(size=4), np.array([2.0, 1.0, 0.5, 1e-6]))
    spread_b = Spread(rng.normal(size=6), np.array([1.0, 3.0, 1.0, 1.0, 1.0, 1.0]))
    matrix, offset = bridge(a, b, spread_a, spread_b)
    z = rng.normal(size=(4, 50)).astype(np.float32)
    components_a = compress(z, a.latent_pca, a.latent_mean)
    components_b = compress(matrix @ z + offset[:, None], b.latent_pca, b.latent_mean)
    standard = (components_a - spread_a.mean[:, None]) / spread_a.std[:, None]
    for n in range(3):
        assert np.allclose(components_b[n], spread_b.mean[n] + spread_b.std[n] * standard[n], atol=1e-4)
    for n in range(3, 6):  # a component that does not move, and two that the first model lacks
        assert np.allclose(components_b[n], spread_b.mean[n], atol=1e-4)


@pytest.mark.parametrize(
    ("a", "b", "expected_notes"),
    [
        ({}, OTHER, ["2 of them stay at their mean", "frames are averaged", "tiny receives everything -8 %"]),
        (OTHER, {}, ["the last 2 of tiny are left out", "frames are held", "tiny receives everything +9 %"]),
    ],
)
def test_differences_are_adapted_and_reported(a, b, expected_notes):
    folder, notes = routed(graph(256, **a), graph(256, **b))
    assert len(notes) == len(expected_notes), notes
    assert all(text in note for text, note in zip(expected_notes, notes, strict=True)), notes
    engine = open_engine(folder)
    y = play(engine, noise(engine, 20, level=0.01), with_controls(engine, latent_bias=0.5, noise=0.1))
    assert np.isfinite(y).all() and np.abs(y).max() > 1e-4
    state = engine.snapshot()
    x = noise(engine, 5, level=0.01, seed=2)
    expected = play(engine, x)
    engine.restore(state)
    assert np.array_equal(play(engine, x), expected)
    engine.reset()
    assert engine.sample_rate == b.get("sample_rate", 44100)


def test_models_that_do_not_fit_are_refused():
    mono = read_facts(graph()).spec
    stereo = replace(mono, channels=2)
    assert common_hop(mono, read_facts(graph(256, **OTHER)).spec, None) == 256
    with pytest.raises(RtraveError, match="expected a model of 1 channels as tiny has, got tiny with 2"):
        common_hop(mono, stereo, None)
    with pytest.raises(RtraveError, match="expected a multiple of 128"):
        common_hop(mono, mono, 100)


def test_a_damaged_route_is_refused():
    folder, _ = routed(graph(256), graph(256))
    (folder / "manifest.json").write_text("{")
    with pytest.raises(RtraveError, match="damaged"):
        open_engine(folder)
