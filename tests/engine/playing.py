"""Engines on a tiny model, and functions that play a signal through an engine."""

import numpy as np

from rtrave.backends.graph_shape import GraphShape
from rtrave.backends.onnx import OnnxBackend
from rtrave.compiler.graph import ensure_graph_of
from rtrave.engine.engine import Engine
from tests.tiny import tiny_model


def tiny_engine(channels=1, seed=0):
    """Return a new engine; hop and ratio are 128."""
    return Engine(OnnxBackend(ensure_graph_of(tiny_model(channels), GraphShape())), seed)


def noise(engine, hops, level=0.1, seed=0):
    """Return white noise, float32 [C, hops * hop]."""
    shape = (engine.channels, hops * engine.hop)
    return (level * np.random.default_rng(seed).standard_normal(shape)).astype(np.float32)


def play(engine, x, controls=None):
    """Play a signal hop by hop under one vector of controls, or one per hop; return the output, float32 [C, T]."""
    controls = engine.layout.defaults() if controls is None else controls
    outputs = []
    for index, block in enumerate(np.split(x, x.shape[1] // engine.hop, axis=1)):
        y = np.empty_like(block)
        engine.process(block, controls[index] if np.ndim(controls) == 2 else controls, y)
        outputs.append(y)
    return np.concatenate(outputs, axis=1)


def with_controls(engine, **values):
    """Return a vector of controls with some set; `latent_scale=[...]` is latent/scale, `out_gain` is out/gain."""
    controls = engine.layout.defaults()
    for name, value in values.items():
        controls[engine.layout.slots[name.replace("_", "/")]] = value
    return controls
