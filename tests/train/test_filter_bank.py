"""A new filter bank has RAVE's filters, and gives a sound back late by what it says."""

import numpy as np
import pytest
import torch

from rtrave.layers.pqmf import PQMF
from rtrave.layers.pqmf_design import bank_taps, bank_weights
from rtrave.model.formats.load import load
from tests.reference import DATA


def bank(attenuation_db, mode="causal"):
    analysis, synthesis = bank_weights(16, attenuation_db)
    made = PQMF(16, *bank_taps(16, attenuation_db), mode=mode)
    made.forward_conv.weight.data = torch.from_numpy(analysis)
    made.inverse_conv.weight.data = torch.from_numpy(synthesis)
    return made


@pytest.mark.parametrize(("model", "attenuation_db"), [("strings", 70), (DATA / "v2_causal", 100)])
def test_the_filters_are_those_of_models_that_rave_trained(model, attenuation_db):
    expected = load(model).pqmf.forward_conv.weight
    came = bank(attenuation_db).forward_conv.weight
    assert came.shape == expected.shape
    assert float((came - expected).abs().max() / expected.abs().max()) < 2e-3


@torch.no_grad()
@pytest.mark.parametrize(("attenuation_db", "error"), [(40, 0.05), (70, 0.005), (100, 0.002)])
@pytest.mark.parametrize("mode", ["causal", "centered"])
def test_sound_comes_back(attenuation_db, error, mode):
    made = bank(attenuation_db, mode)
    x = torch.from_numpy(np.random.default_rng(0).standard_normal((1, 1, 8192))).float()
    y = made.synthesis(made.analysis(x))
    delay = made.impulse_delay()
    assert 0 <= delay < 600
    apart = y[..., 1024 + delay : 7168 + delay] - x[..., 1024:7168]
    assert float(apart.norm() / x[..., 1024:7168].norm()) < error
