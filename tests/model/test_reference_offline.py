"""Offline, every model gives the output of the reference implementation."""

import pytest
import torch

from rtrave.model.formats.load import load
from tests.reference import CASES, DATA, constant_noise, peak_error, vectors


@pytest.fixture(scope="module", params=CASES)
def case(request):
    return load(DATA / request.param), vectors(request.param)


@torch.no_grad()
def test_encode(case):
    model, ref = case
    x = torch.from_numpy(ref["x"])
    latent = ref["latent"][:, : model.network.latent_size]
    if latent.any():  # the discrete reference has empty codebooks, and therefore zero latents
        assert peak_error(model.encode(x).numpy(), latent) < 1e-4
        assert peak_error(model.encode(x, postprocess=True).numpy(), ref["compressed"]) < 1e-4
    else:
        assert not model.encode(x).any()
        assert not model.encode(x, postprocess=True).any()


@torch.no_grad()
def test_raw_encoder_output(case):
    model, ref = case
    bands = torch.from_numpy(ref["x"]) if model.network.raw_input else model.pqmf.analysis(torch.from_numpy(ref["x"]))
    assert peak_error(model.encoder(bands).numpy(), ref["encoded"]) < 1e-4


@torch.no_grad()
def test_decode(case):
    model, ref = case
    z = torch.from_numpy(ref["latent"][:, : model.network.latent_size])
    assert peak_error(model.decode(z, noise=constant_noise).numpy(), ref["decoded"]) < 1e-4


@torch.no_grad()
def test_decode_of_the_postprocessed_form(case):
    model, ref = case
    if model.network.regularisation == "spherical":
        # The reference starts with a zero vector, which has no angles: check the inverse instead.
        z = torch.from_numpy(ref["latent"][:, :, 1:])
        assert peak_error(model.preprocess(model.postprocess(z), constant_noise).numpy(), z.numpy()) < 1e-4
        return
    y = model.decode(torch.from_numpy(ref["compressed"]), preprocess=True, noise=constant_noise).numpy()
    assert peak_error(y, ref["decoded"]) < 1e-4


@torch.no_grad()
def test_forward(case):
    model, ref = case
    y = model(torch.from_numpy(ref["x"]), noise=constant_noise).numpy()
    assert peak_error(y, ref["decoded"]) < 1e-4
