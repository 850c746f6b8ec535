"""A model with noise frames longer than a latent frame steps several latent frames at once, and reports that step."""

import dataclasses

import numpy as np
import pytest
import torch

from rtrave.backends.graph_shape import GraphShape
from rtrave.backends.onnx import OnnxBackend
from rtrave.compiler.graph import ensure_graph_of
from rtrave.engine.engine import Engine
from rtrave.errors import RtraveError
from rtrave.model.architectures import load_architecture
from rtrave.model.rave import Model
from rtrave.model.spec import NoiseSpec
from rtrave.streaming.open_stream import stream


@pytest.fixture(scope="module")
def model():
    """BRAVE's ratio of 128 with a noise synthesiser of 64 band samples: eight latent frames."""
    brave = load_architecture("brave")
    noise = NoiseSpec(1, (4, 4, 4), 5)
    network = dataclasses.replace(
        brave,
        encoder=dataclasses.replace(brave.encoder, capacity=2),
        decoder=dataclasses.replace(brave.decoder, capacity=2, noise=noise),
        latent_size=4,
    )
    torch.manual_seed(0)
    made = Model(network, "coarse", 44100).eval()
    torch.nn.init.normal_(made.pqmf.forward_conv.weight, std=0.1)
    torch.nn.init.normal_(made.pqmf.inverse_conv.weight, std=0.1)
    return made


@pytest.mark.parametrize("backend", ["torch", "onnx"])
def test_a_stream_plays_whole_steps_only(model, backend):
    live = stream(model, backend=backend, seed=3)
    assert model.frames_per_step == 8
    assert live.hop == 1024
    x = np.random.default_rng(0).standard_normal((1, 1, 8192)).astype(np.float32)
    whole = live.process(x)
    assert np.isfinite(whole).all()
    live.reset()
    assert np.array_equal(np.concatenate([live.process(part) for part in np.split(x, [1024, 4096], 2)], 2), whole)
    with pytest.raises(RtraveError, match="a multiple of 1024"):
        live.process(x[..., :128])


def test_the_engine_takes_the_same_step(model):
    engine = Engine(OnnxBackend(ensure_graph_of(model, GraphShape())), seed=3)
    assert (engine.hop, engine.latent_frames) == (1024, 8)
    x = (0.1 * np.random.default_rng(0).standard_normal((1, 4096))).astype(np.float32)
    expected = stream(model, seed=3).process(x[None])[0]
    y = np.empty((1, 4096), np.float32)
    for start in range(0, 4096, 1024):
        engine.process(x[:, start : start + 1024], engine.layout.defaults(), y[:, start : start + 1024])
    delay = engine.limiter_delay
    assert np.array_equal(y[:, delay:], expected[:, :-delay])


def test_other_models_step_frame_by_frame():
    for name in ("v1", "v2", "v2_small", "v2_nopqmf", "v3", "discrete", "brave", "raspberry"):
        network = load_architecture(name)
        small = dataclasses.replace(
            network,
            encoder=dataclasses.replace(network.encoder, capacity=2),
            decoder=dataclasses.replace(network.decoder, capacity=2),
            latent_size=4,
        )
        assert Model(small, name, 44100).frames_per_step == 1
