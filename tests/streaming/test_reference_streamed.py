"""Every model, streamed through torch and through ONNX Runtime, equals the reference's own stream."""

import json

import numpy as np
import pytest

from rtrave.model.formats.load import load
from rtrave.streaming.open_stream import stream
from tests.reference import CASES, DATA, constant_noise, peak_error, vectors


@pytest.fixture(scope="module", params=CASES)
def case(request):
    meta = json.loads((DATA / request.param / "meta.json").read_text())
    return load(DATA / request.param), vectors(request.param), meta


@pytest.fixture(params=["torch", "onnx"])
def backend(request):
    return request.param


def partitions(frames):
    """Return three partitions: one latent frame at a time, all at once, and uneven."""
    return [[1] * frames, [frames], [1, 3, 2, frames - 6]]


def cut(signal, sizes, samples):
    """Cut a signal [B, *, T] into blocks of `sizes` latent frames, each of `samples` samples."""
    return np.split(signal, samples * np.cumsum(sizes)[:-1], axis=2)


def test_encode(case, backend):
    model, ref, _ = case
    live = stream(model, backend=backend, compat="nn~")  # the encoder ignores it; one graph serves all tests
    expected = raw_latents(model, ref["stream_encoded"])
    for sizes in partitions(expected.shape[2]):
        live.reset()
        z = np.concatenate([live.encode(block) for block in cut(ref["x"], sizes, live.hop)], axis=2)
        if expected.any():
            assert peak_error(z, expected) < 1e-4
        else:
            assert not z.any()


def raw_latents(model, encoded):
    """Apply the regularisation to the reference's raw streamed output."""
    import torch

    with torch.no_grad():
        return model.encoder.latents(torch.from_numpy(encoded), 1)[0].numpy()


def test_decode_equals_upstream(case, backend):
    model, ref, _ = case
    live = stream(model, backend=backend, compat="nn~", noise=constant_noise)
    z = raw_latents(model, ref["stream_encoded"])
    for sizes in partitions(z.shape[2]):
        live.reset()
        y = np.concatenate([live.decode(block) for block in cut(z, sizes, 1)], axis=2)
        assert peak_error(y, ref["stream_decoded"]) < 1e-4


def test_the_whole_stream_equals_upstream(case, backend):
    model, ref, _ = case
    live = stream(model, backend=backend, compat="nn~", noise=constant_noise)
    assert peak_error(live.process(ref["x"]), ref["stream_decoded"]) < 2e-4


def test_the_compensated_decoder_equals_offline_after_its_delay(case):
    """Compare the native stream with offline decoding. The noise of a noise synthesiser does not shift with the input,
    so models that have one are left out."""
    model, ref, meta = case
    if model.decoder.noise is not None:
        assert meta["name"] in ("v1", "v1_causal", "v2_small")
        return
    live = stream(model, backend="torch", noise=constant_noise)
    z = ref["latent"][:, : model.network.latent_size]
    y, delay = live.decode(z), model.decoder_delay()
    settled = y.shape[2] // 4  # the receptive field, in which offline has zeros where a stream has history
    observed, expected = y[..., settled + delay :], ref["decoded"][..., settled : y.shape[2] - delay]
    if observed.shape[2] < model.network.ratio:
        assert meta["name"] == "v2_small"
        return
    assert peak_error(observed, expected) < (5e-3 if meta["name"] == "brave" else 1e-4)
