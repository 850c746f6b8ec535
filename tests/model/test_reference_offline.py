"""Offline, a model gives what the reference implementation gives."""

import pytest
import torch

from rtrave.model.formats.load import load
from tests.reference import CASES, DATA, peak_error, vectors


@pytest.fixture(scope="module", params=CASES)
def case(request):
    return load(DATA / request.param), vectors(request.param)


@torch.no_grad()
def test_encode(case):
    model, ref = case
    x = torch.from_numpy(ref["x"])
    assert peak_error(model.encode(x).numpy(), ref["latent"]) < 1e-4
    assert peak_error(model.encode(x, postprocess=True).numpy(), ref["compressed"]) < 1e-4


@torch.no_grad()
def test_posterior(case):
    model, ref = case
    _, std = model.posterior(torch.from_numpy(ref["x"]))
    scale = torch.from_numpy(ref["encoded"][:, model.network.latent_size :])
    assert peak_error(std.numpy(), (torch.nn.functional.softplus(scale) + 1e-4).numpy()) < 1e-4


@torch.no_grad()
def test_decode(case):
    model, ref = case
    assert peak_error(model.decode(torch.from_numpy(ref["latent"])).numpy(), ref["decoded"]) < 1e-4
    compressed = torch.from_numpy(ref["compressed"])
    assert peak_error(model.decode(compressed, preprocess=True).numpy(), ref["decoded"]) < 1e-4


@torch.no_grad()
def test_forward(case):
    model, ref = case
    assert peak_error(model(torch.from_numpy(ref["x"])).numpy(), ref["decoded"]) < 1e-4
