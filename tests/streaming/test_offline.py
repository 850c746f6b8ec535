"""Whole recordings in long blocks on several threads equal the hops of a stream to 1e-4."""

import numpy as np
import pytest

from rtrave.backends.graph_shape import GraphShape
from rtrave.backends.onnx import OnnxBackend
from rtrave.compiler.graph import ensure_graph_of
from rtrave.errors import RtraveError
from rtrave.model.formats.load import load
from rtrave.model.latent_space import seeded_noise
from rtrave.streaming import offline
from rtrave.streaming.offline import decode_recording, encode_recording
from rtrave.streaming.open_stream import stream
from tests.reference import DATA, peak_error
from tests.tiny import learning_model, tiny_model, wide_model

MODELS = {"tiny stereo": lambda: tiny_model(2), "wide": wide_model}
MODELS |= {name: lambda n=name: load(DATA / n) for name in ("v1", "v2_small")}


@pytest.fixture(scope="module", params=MODELS)
def model(request):
    """Causal and centred models, both noise synthesisers, and receptive fields wider than RAVE's."""
    return MODELS[request.param]()


@pytest.fixture(scope="module")
def backend(model):
    return OnnxBackend(ensure_graph_of(model, GraphShape(long_blocks=True)))


@pytest.fixture(autouse=True)
def short_segments(monkeypatch):
    monkeypatch.setattr(offline, "SEGMENT_SAMPLES", 30000)


def recording(model, samples, seed=0):
    x = np.random.default_rng(seed).standard_normal((model.spec.channels, samples)) / 4
    return x.astype(np.float32)


@pytest.mark.parametrize("samples", [1, 2049, 130001])
def test_encoded_as_the_stream_does(model, backend, samples):
    ratio, x = model.spec.ratio, recording(model, samples)
    frames = -(-samples // ratio)
    early = -model.encoder_delay() % ratio
    late = (model.encoder_delay() + early) // ratio
    delayed = np.zeros((model.spec.channels, (frames + late) * ratio), np.float32)
    delayed[:, early : early + samples] = x[:, : delayed.shape[1] - early]
    expected = stream(model, backend="torch").encode(delayed[None])[0][:, late:]
    z = np.concatenate(list(encode_recording(backend, x, seeded_noise(0), workers=2)), axis=1)
    assert z.shape == (model.spec.full_latent_size, frames)
    if expected.any():
        assert peak_error(z, expected) < 1e-4
    else:  # the filter bank has not passed the only sample by then
        assert samples == 1 and np.abs(z).max() < 1e-6


@pytest.mark.parametrize("frames", [1, 17, 61])
def test_decoded_as_the_stream_does(model, backend, frames):
    ratio, delay = model.spec.ratio, model.decoder_delay()
    z = np.random.default_rng(1).standard_normal((model.spec.full_latent_size, frames)).astype(np.float32)
    more = -(-delay // ratio)
    held = np.concatenate((z, np.repeat(z[:, -1:], more, axis=1)), axis=1)
    expected = stream(model, backend="torch", seed=3).decode(held[None])[0][:, delay : delay + frames * ratio]
    y = np.concatenate(list(decode_recording(backend, z, seeded_noise(3), workers=2)), axis=1)
    assert peak_error(y, expected) < 1e-4


def test_learned_statistics_come_from_the_whole_past(monkeypatch):
    """A part with an unbounded receptive field processes the recording as one segment."""
    monkeypatch.setattr(offline, "SEGMENT_SAMPLES", 1024)
    model = learning_model()
    assert model.receptive_fields == {"encoder": None, "decoder": None}
    backend = OnnxBackend(ensure_graph_of(model, GraphShape()))
    x, ratio, late = recording(model, 30 * model.spec.ratio), model.spec.ratio, model.decoder_delay()
    expected = stream(model, backend="torch").encode(x[None])[0]
    z = np.concatenate(list(encode_recording(backend, x, seeded_noise(0), workers=2)), axis=1)
    assert peak_error(z, expected) < 1e-4
    held = np.concatenate((z, np.repeat(z[:, -1:], -(-late // ratio), axis=1)), axis=1)
    expected = stream(model, backend="torch").decode(held[None])[0][:, late : late + x.shape[1]]
    y = np.concatenate(list(decode_recording(backend, z, seeded_noise(0), workers=2)), axis=1)
    assert peak_error(y, expected) < 1e-4


def test_a_latent_frame_has_its_own_draw(model, backend):
    """The draws at a temperature are those of `Model.encode`, independently of the segments."""
    x = recording(model, 40 * model.spec.ratio)
    noise = seeded_noise(5)
    mean = np.concatenate(list(encode_recording(backend, x, noise)), axis=1)
    drawn = np.concatenate(list(encode_recording(backend, x, noise, temperature=1.0, workers=2)), axis=1)
    for frame in (0, 7, 39):
        normal = noise("posterior", frame, (1, len(mean)))[0]
        moved = drawn[:, frame] - mean[:, frame]
        assert np.array_equal(np.sign(moved), np.sign(normal))


def test_refused(backend):
    channels, dims = backend.facts.spec.channels, backend.facts.spec.full_latent_size
    noise = seeded_noise(0)
    for x in (np.zeros((channels + 1, 9), np.float32), np.zeros((channels, 0), np.float32)):
        with pytest.raises(RtraveError, match="at least one sample"):
            next(encode_recording(backend, x, noise))
    for z in (np.zeros((dims + 1, 9), np.float32), np.zeros((dims, 0), np.float32), np.zeros(dims, np.float32)):
        with pytest.raises(RtraveError, match="at least one frame"):
            next(decode_recording(backend, z, noise))
    with pytest.raises(RtraveError, match="NaN"):
        next(decode_recording(backend, np.full((dims, 2), np.nan, np.float32), noise))
