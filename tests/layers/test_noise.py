"""The products of the noise synthesiser equal the Fourier transforms that they replace."""

import numpy as np
import pytest
import torch

from rtrave.layers.activations import mod_sigmoid
from rtrave.layers.noise import BIAS, NoiseSynth, impulse_responses


@pytest.mark.parametrize(("ratios", "noise_bands"), [((4, 4, 4), 5), ((2, 2, 2), 32), ((2, 2, 2), 5)])
@torch.no_grad()
def test_filtered_noise_is_a_convolution(ratios, noise_bands):
    torch.manual_seed(0)
    synth = NoiseSynth(3, 2, ratios, noise_bands, 8, 1, "causal").double()
    target = synth.target
    magnitudes = 4 * torch.randn(1, 3, 2 * noise_bands, dtype=torch.float64)
    draws = torch.rand(1, 3 * target, 2, dtype=torch.float64)
    y = synth.filtered(magnitudes, draws)
    shaped = mod_sigmoid(magnitudes - BIAS).reshape(3, 2, noise_bands).numpy()
    for frame in range(3):
        for band in range(2):
            response = shaped[frame, band] @ impulse_responses(noise_bands, target)
            white = 2 * draws[0, frame * target : (frame + 1) * target, band].numpy() - 1
            expected = np.convolve(white, response)[:target]
            output = y[0, frame * target : (frame + 1) * target, band].numpy()
            assert np.abs(output - expected).max() < 1e-6 * max(np.abs(expected).max(), 1)


def test_unit_magnitudes_make_a_short_pulse():
    response = impulse_responses(33, 128).sum(axis=0)
    assert np.abs(response[0] - 1) < 1e-9
    assert np.abs(response[1:]).max() < 1e-9
