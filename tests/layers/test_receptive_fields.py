"""Receptive fields of the filter bank, the noise synthesisers and adaptive instance norm are exact.

`test_contract_holds.py` checks those of the other layers.
"""

import pytest
import torch

from rtrave.layers.compose import Branches, Sequential
from rtrave.layers.contract import verify_receptive_field
from rtrave.layers.conv import Conv1d
from rtrave.layers.noise import NoiseSynth
from rtrave.layers.norm import AdaIN
from rtrave.layers.pqmf import PQMF, NoPQMF

BANDS = 4


class Analysis:
    """Layer: the analysis of a filter bank."""

    def __init__(self, bank):
        self.step, self.initial_state, self.receptive_field = (
            bank.analysis_step,
            bank.analysis_state,
            bank.analysis_field,
        )


class Synthesis:
    """Layer: the synthesis of a filter bank."""

    def __init__(self, bank):
        self.step, self.initial_state, self.receptive_field = (
            bank.synthesis_step,
            bank.synthesis_state,
            bank.synthesis_field,
        )


class Synth:
    """Layer: a noise synthesiser with constant draws."""

    def __init__(self, synth):
        self.synth, self.initial_state, self.receptive_field = synth, synth.initial_state, synth.receptive_field

    def step(self, x, state):
        draws = torch.linspace(0.1, 0.9, x.shape[1], dtype=x.dtype)[None, :, None].expand(len(x), -1, self.synth.bands)
        return self.synth.step(x, state, draws)


def verify(layer, channels, multiple, blocks=60):
    x, other = torch.randn(2, 2, channels, multiple * blocks, dtype=torch.float64)
    verify_receptive_field(layer, x, other, multiple)


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


@pytest.mark.parametrize("mode", ["causal", "centered"])
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("taps", [(33, 9), (40, 16)])
@torch.no_grad()
def test_filter_bank(taps, channels, mode):
    bank = PQMF(BANDS, *taps, channels, mode).double()
    verify(Analysis(bank), channels, 2 * BANDS)
    verify(Synthesis(bank), channels * BANDS, 2)


def test_no_filter_bank():
    verify(Analysis(NoPQMF(2)), 2, 1)
    verify(Synthesis(NoPQMF(2)), 2, 1)


@pytest.mark.parametrize("mode", ["causal", "centered"])
@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("ratios", [(4, 2), (2, 2, 2)])
def test_noise_synthesiser(ratios, version, mode):
    synth = NoiseSynth(3, 2, ratios, 5, 8, version, mode).double()
    verify(Synth(synth), 3, synth.target)


@pytest.mark.parametrize("side", ["x", "y"])
def test_learned_statistics_are_unbounded(side):
    layer = AdaIN(3, 4).double()
    assert layer.receptive_field(5) == 5
    verify(layer, 3, 4)
    for known in ("x", "y"):
        layer.get_buffer(f"num_update_{known}").fill_(1)
    verify(layer, 3, 4)  # the statistics of the checkpoint are constants
    layer.get_buffer(f"learn_{side}").fill_(1)
    assert layer.receptive_field(5) is None
    verify(layer, 3, 4)
    assert Sequential(Conv1d(3, 3, 5), layer, Conv1d(3, 3, 5)).receptive_field(0) is None
    assert Branches(Conv1d(3, 3, 5), layer, channels=3).receptive_field(0) is None
