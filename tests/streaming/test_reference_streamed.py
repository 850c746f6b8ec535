"""Streamed through torch and through the compiled path, a model gives what the reference's own stream gives."""

import numpy as np
import pytest

from rtrave.model.formats.load import load
from rtrave.streaming.open_stream import stream
from tests.reference import CASES, DATA, peak_error, vectors


@pytest.fixture(scope="module", params=CASES)
def model(request):
    loaded = load(DATA / request.param)
    return loaded, vectors(request.param)


@pytest.fixture(params=["torch", "onnx"])
def backend(request):
    return request.param


def partitions(frames):
    """One latent frame at a time, all at once, and uneven."""
    return [[1] * frames, [frames], [1, 3, 2, frames - 6]]


def test_encode(model, backend):
    loaded, ref = model
    live = stream(loaded, backend=backend)
    for sizes in partitions(ref["latent"].shape[2]):
        live.reset()
        cuts = 2048 * np.cumsum(sizes)[:-1]
        z = np.concatenate([live.encode(block) for block in np.split(ref["x"], cuts, axis=2)], axis=2)
        assert peak_error(z, ref["stream_encoded"][:, : z.shape[1]]) < 1e-4
        assert peak_error(z, ref["latent"]) < 1e-4


def test_decode(model, backend):
    loaded, ref = model
    live = stream(loaded, backend=backend)
    delay = live.spec.delay
    for sizes in partitions(ref["latent"].shape[2]):
        live.reset()
        blocks = np.split(ref["latent"], np.cumsum(sizes)[:-1], axis=2)
        y = np.concatenate([live.decode(block) for block in blocks], axis=2)
        assert peak_error(y, ref["stream_decoded"]) < 1e-4
        assert peak_error(y[..., delay:], ref["decoded"][..., :-delay]) < 1e-4


def test_process_is_encode_then_decode(model, backend):
    loaded, ref = model
    live = stream(loaded, backend=backend)
    y = live.process(ref["x"])
    delay = live.spec.delay
    assert peak_error(y[..., delay:], ref["decoded"][..., :-delay]) < 1e-4
