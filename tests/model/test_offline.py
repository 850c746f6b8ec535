"""Whole recordings in blocks through torch equal one pass, also for models whose receptive fields exceed RAVE's."""

import numpy as np
import pytest
import torch

from rtrave.model import offline
from rtrave.model.latent_space import seeded_noise
from tests.reference import peak_error
from tests.tiny import learning_model, wide_model

FRAMES = {"wide": 72, "learning": 64}


@pytest.fixture(params=[wide_model, learning_model], ids=FRAMES)
def model(request, monkeypatch):
    model = request.param()
    monkeypatch.setattr(offline, "BLOCK_SAMPLES", 24 * model.network.ratio)
    return model


@torch.no_grad()
def test_blocks_join(model, request):
    ratio, frames = model.network.ratio, FRAMES[request.node.callspec.id]
    x = np.random.default_rng(0).standard_normal((1, frames * ratio)).astype(np.float32) / 4
    z = np.concatenate(list(offline.encode_blocks(model, x)), axis=1)
    assert peak_error(z, model.encode(torch.from_numpy(x)[None])[0].numpy()) < 1e-4
    y = np.concatenate(list(offline.decode_blocks(model, z)), axis=1)
    assert peak_error(y, model.decode(torch.from_numpy(z)[None], noise=seeded_noise(0))[0].numpy()) < 1e-4
