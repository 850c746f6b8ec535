"""int8 is close to float32, not equal to it, and smaller."""

import numpy as np
import pytest
import soundfile

import rtrave
from rtrave.backends.cache import ensure_graph
from rtrave.backends.graph_shape import GraphShape
from rtrave.model.registry import find_model
from rtrave.settings import assets_dir


def signal_to_noise_db(expected, observed):
    return 10 * np.log10(np.square(expected).sum() / np.square(observed - expected).sum())


@pytest.fixture(scope="module")
def sound():
    x, _ = soundfile.read(assets_dir() / "demo.flac", frames=40 * 2048, dtype="float32", always_2d=True)
    return x.T[None, :1]


def test_close_to_float32_on_the_default_model(sound):
    exact, coarse = rtrave.stream("strings"), rtrave.stream("strings", precision="int8")
    assert 30 < signal_to_noise_db(exact.encode(sound), coarse.encode(sound)) < 80
    exact.reset()
    coarse.reset()
    assert 25 < signal_to_noise_db(exact.process(sound), coarse.process(sound)) < 80


def test_weights_are_smaller():
    def size(precision):
        folder = ensure_graph(find_model("strings"), GraphShape(precision=precision))
        return sum(path.stat().st_size for path in folder.glob("*.onnx"))

    assert size("int8") < 0.5 * size("float32")


def test_refused_precisions():
    with pytest.raises(rtrave.RtraveError, match="expected one of float32, int8"):
        GraphShape(precision="int4")
    with pytest.raises(rtrave.RtraveError, match="expected 'float32' for the backend 'torch', got 'int8': use 'onnx'"):
        rtrave.stream("strings", backend="torch", precision="int8")
