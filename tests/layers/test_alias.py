"""Compensated signs keep the aliases of a sine low when the bands are late by an odd number of samples."""

import numpy as np
import pytest
import torch

from rtrave.model.formats.load import load
from tests.reference import DATA

RATE, LENGTH = 44100, 1 << 15


def worst_alias_db(bank, late, phase):
    """Return the strongest partial beside the sine, over sines in every band, in dB relative to the sine."""
    worst = -200.0
    for bin_ in range(LENGTH // 64, LENGTH // 2, LENGTH // 45):
        x = torch.sin(2 * torch.pi * bin_ * torch.arange(2 * LENGTH, dtype=torch.float64) / LENGTH)[None, None]
        bands = bank.analysis(x).transpose(1, 2)
        bands = torch.cat((torch.zeros(1, late, bands.shape[2], dtype=bands.dtype), bands), 1)[:, : bands.shape[1]]
        y, _ = bank.synthesis_step(bands, bank.synthesis_state(1, torch.float64), phase)
        spectrum = np.abs(np.fft.rfft(y[0, LENGTH:, 0].numpy()))  # a whole number of periods, settled
        tone = spectrum[bin_]
        spectrum[bin_] = 0
        worst = max(worst, 20 * np.log10(spectrum.max() / tone))
    return worst


@pytest.mark.parametrize(("case", "late"), [("brave", 7), ("v1_causal", 85)])
@torch.no_grad()
def test_alias_of_a_sine(case, late):
    bank = load(DATA / case).pqmf.double()
    undelayed, compensated, uncompensated = (
        worst_alias_db(bank, *settings) for settings in ((0, 0), (late, 1), (late, 0))
    )
    print(
        f"{case}: alias {undelayed:.1f} dB, {late} band samples late {compensated:.1f} dB, nn~ {uncompensated:.1f} dB"
    )
    assert abs(compensated - undelayed) < 0.5
    assert uncompensated > compensated + 5
