"""The cache of compiled graphs: built once, rebuilt when damaged, never left half written, and read without torch."""

import shutil
import subprocess
import sys

import numpy as np
import pytest

from rtrave.backends import cache
from rtrave.backends.cache import ensure_graph, graph_folder, hash_source, read_manifest
from rtrave.backends.graph_shape import GraphShape
from rtrave.backends.onnx import OnnxBackend
from rtrave.backends.opening import read_facts
from rtrave.errors import RtraveError
from rtrave.model.formats.native import save_native
from rtrave.streaming.open_stream import stream
from tests.tiny import tiny_model


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    path = tmp_path_factory.mktemp("models") / "tiny.safetensors"
    save_native(tiny_model(seed=3), path)
    return path


@pytest.fixture
def built(source):
    return ensure_graph(source, GraphShape())


def test_a_built_graph_is_not_built_again(source, built):
    before = built.stat().st_mtime_ns
    reported = []
    assert ensure_graph(source, GraphShape(), reported.append) == built
    assert built.stat().st_mtime_ns == before
    assert not reported


def damage(file):
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 0xFF
    file.write_bytes(data)


@pytest.mark.parametrize(
    "name", ["encoder.onnx", "decoder.onnx", "latent_space.npz", "initial_state.npz", "manifest.json"]
)
def test_a_damaged_file_is_noticed(built, tmp_path, name):
    copy = shutil.copytree(built, tmp_path / "copy")
    assert read_manifest(copy) is not None
    damage(copy / name)
    assert read_manifest(copy) is None
    with pytest.raises(RtraveError, match="missing or damaged"):
        OnnxBackend(copy)


def test_a_damaged_graph_is_built_again(source, built):
    expected = stream(source).process(np.ones((1, 1, 1280), np.float32))
    damage(built / "decoder.onnx")
    reported = []
    ensure_graph(source, GraphShape(), reported.append)
    assert [line.strip() for line in reported[1:]] == [
        "1 of 3: reading the model",
        "2 of 3: the encoder",
        "3 of 3: the decoder",
    ]
    assert np.array_equal(stream(source).process(np.ones((1, 1, 1280), np.float32)), expected)


def test_a_build_that_fails_leaves_nothing(tmp_path):
    folder = tmp_path / "graphs" / "key"
    with pytest.raises(KeyboardInterrupt), cache.new_folder(folder) as part:
        (part / "encoder.onnx").write_bytes(b"half")
        raise KeyboardInterrupt
    assert list(folder.parent.iterdir()) == []


def test_the_error_of_an_unusable_model_is_one_line(tmp_path):
    path = tmp_path / "broken.safetensors"
    path.write_bytes(b"no model")
    with pytest.raises(RtraveError, match=r"broken.safetensors.: expected a model, got a damaged file") as refused:
        ensure_graph(path, GraphShape())
    assert "\n" not in str(refused.value)


def test_key_follows_content_and_shape(source, tmp_path):
    first = hash_source(source)
    copy = tmp_path / "tiny.safetensors"
    copy.write_bytes(source.read_bytes())
    assert hash_source(copy) == first
    copy.write_bytes(source.read_bytes()[:-1] + b"x")
    assert hash_source(copy) != first
    assert len({graph_folder(first, shape) for shape in (GraphShape(), GraphShape(2), GraphShape(1, 2))}) == 3


def test_facts_without_the_graphs(built):
    facts = read_facts(built)
    assert facts.spec.name == "tiny"
    assert facts.hop == 128
    assert facts.latent_pca.shape == (4, 4)


def test_a_cached_model_plays_without_torch(source, built):
    code = (
        "import sys; sys.modules['torch'] = None; import numpy, rtrave;"
        f"print(rtrave.stream({str(source)!r}).process(numpy.ones((1, 1, 128), 'f')).shape)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "(1, 1, 128)", done.stderr
