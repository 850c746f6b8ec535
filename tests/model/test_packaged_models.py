"""The packaged models are small, causal, silent on silence, and rich in components."""

import numpy as np
import pytest
import soundfile
import torch

import rtrave
from rtrave.model.registry import find_model
from rtrave.settings import assets_dir

MODELS = {"strings": 2048, "winds": 128}  # name: ratio
MEGABYTES = 12
SILENCE_DBFS = -60
CARRIES, COMPONENTS = 0.01, 8
SETTLED = 16384  # samples after which the output no longer depends on the silent start


@pytest.fixture(scope="module", params=MODELS)
def model(request):
    return rtrave.load(request.param)


def demo():
    return soundfile.read(assets_dir() / "demo.flac", dtype="float32")[0][: 2048 * 180]


def test_a_small_file(model):
    assert find_model(model.name).stat().st_size < MEGABYTES * 1e6


def test_its_facts(model):
    spec = model.spec
    assert spec.causal and spec.streaming and spec.channels == 1 and spec.sample_rate == 44100
    assert spec.ratio == MODELS[model.name]


@torch.no_grad()
def test_silence_stays_silent(model):
    y = model(torch.zeros(1, 1, 2048 * 40))[..., SETTLED:]
    assert 20 * np.log10(float(y.abs().max()) + 1e-12) < SILENCE_DBFS


@torch.no_grad()
def test_many_components_carry(model):
    z = model.encode(torch.from_numpy(demo())[None, None], postprocess=True)[0]
    shares = z.var(dim=1) / z.var(dim=1).sum()
    assert int((shares > CARRIES).sum()) >= COMPONENTS


@torch.no_grad()
def test_the_stream_is_the_model(model):
    x = torch.from_numpy(demo())[None, None, : 2048 * 24]
    stream, expected = rtrave.stream(model, backend="torch"), model(x)[0].numpy()
    hop = model.spec.ratio * model.frames_per_step
    blocks = [stream.process(x[..., i : i + hop].numpy())[0] for i in range(0, x.shape[2], hop)]
    output, delay = np.concatenate(blocks, axis=1), model.spec.delay
    error = np.abs(output[:, SETTLED + delay :] - expected[:, SETTLED : expected.shape[1] - delay]).max()
    assert error < 1e-4 * np.abs(expected).max()
