"""A new filter bank has RAVE's filters, and reconstructs sound with the delay that it reports."""

import numpy as np
import pytest
import torch

from rtrave.layers.pqmf import PQMF
from rtrave.layers.pqmf_design import bank_taps, bank_weights
from rtrave.model.formats.load import load
from tests.reference import DATA


def new_bank(attenuation_db, mode="causal"):
    analysis, synthesis = bank_weights(16, attenuation_db)
    bank = PQMF(16, *bank_taps(16, attenuation_db), mode=mode)
    bank.forward_conv.weight.data = torch.from_numpy(analysis)
    bank.inverse_conv.weight.data = torch.from_numpy(synthesis)
    return bank


@pytest.mark.parametrize(("model", "attenuation_db"), [("strings", 70), (DATA / "v2_causal", 100)])
def test_the_filters_equal_those_of_models_trained_by_rave(model, attenuation_db):
    expected = load(model).pqmf.forward_conv.weight
    weight = new_bank(attenuation_db).forward_conv.weight
    assert weight.shape == expected.shape
    assert float((weight - expected).abs().max() / expected.abs().max()) < 2e-3


@torch.no_grad()
@pytest.mark.parametrize(("attenuation_db", "error"), [(40, 0.05), (70, 0.005), (100, 0.002)])
@pytest.mark.parametrize("mode", ["causal", "centered"])
def test_reconstruction(attenuation_db, error, mode):
    bank = new_bank(attenuation_db, mode)
    x = torch.from_numpy(np.random.default_rng(0).standard_normal((1, 1, 8192))).float()
    y = bank.synthesis(bank.analysis(x))
    delay = bank.impulse_delay()
    assert 0 <= delay < 600
    residual = y[..., 1024 + delay : 7168 + delay] - x[..., 1024:7168]
    assert float(residual.norm() / x[..., 1024:7168].norm()) < error
