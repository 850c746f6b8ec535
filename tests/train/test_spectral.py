"""The spectral distances equal their formulas, and the gradient equals that of `torch.stft`."""

import numpy as np
import pytest
import torch

from rtrave.train.spectral import SPECTRAL_WINDOWS, log_spectral_distance_db, magnitudes, spectral_distance


def noise(seed, *shape):
    return (np.random.default_rng(seed).standard_normal(shape) / 4).astype(np.float32)


def formula(expected, output):
    """Compute the distance of audio [C, T] in float64, frame by frame."""
    total = 0.0
    for window in (4096, 2048, 1024, 512, 256):
        hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(window) / window)
        spectra = []
        for x in (expected, output):
            padded = np.pad(x.astype(np.float64), ((0, 0), (window // 2, window // 2)))
            starts = range(0, padded.shape[1] - window + 1, window // 4)
            spectra.append(np.abs([np.fft.rfft(hann * padded[:, s : s + window]) for s in starts]))
        one, other = spectra
        total += np.sqrt(((one - other) ** 2).sum() / (one**2).sum())
        total += np.abs(np.log(one + 0.01) - np.log(other + 0.01)).mean()
    return total / 5


@pytest.mark.parametrize("shape", [(1, 9000), (2, 4097), (1, 17)])
def test_equals_the_formula(shape):
    x, y = noise(0, *shape), 0.7 * noise(0, *shape) + 0.3 * noise(1, *shape)
    assert float(spectral_distance(torch.from_numpy(x), torch.from_numpy(y))) == pytest.approx(formula(x, y), rel=1e-4)
    assert SPECTRAL_WINDOWS == (4096, 2048, 1024, 512, 256)


def test_equal_sounds_have_distance_0_and_silence_is_far():
    x = torch.from_numpy(noise(2, 1, 8192))
    assert float(spectral_distance(x, x)) == 0
    assert float(spectral_distance(x, torch.zeros_like(x))) > 1


def test_log_spectral_distance_of_a_gain_is_that_gain():
    x = noise(3, 44100)
    assert log_spectral_distance_db(x, x) == 0
    assert log_spectral_distance_db(x, x / 2) == pytest.approx(20 * np.log10(2), rel=1e-3)
    assert log_spectral_distance_db(x, 4 * x) == pytest.approx(20 * np.log10(4), rel=1e-3)


@pytest.mark.parametrize("window", [16, 256, 4096])
@pytest.mark.parametrize("samples", [1, 17, 2047, 9001])
def test_the_gradient_equals_that_of_stft(window, samples):
    x = torch.from_numpy(noise(4, 2, samples)).requires_grad_()
    ours = magnitudes(x, window)
    padded = torch.nn.functional.pad(x, (window // 2, window // 2))
    hann = torch.hann_window(window)
    theirs = torch.stft(padded, window, window // 4, window=hann, center=False, return_complex=True).abs().mT
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)
    weights = torch.from_numpy(np.random.default_rng(5).standard_normal(ours.shape).astype(np.float32))
    (actual,), (expected,) = (torch.autograd.grad((y * weights).sum(), x) for y in (ours, theirs))
    torch.testing.assert_close(actual, expected, rtol=1e-3, atol=1e-4 * float(expected.abs().max()))


def test_silence_has_no_gradient():
    x = torch.zeros(1, 512, requires_grad=True)
    magnitudes(x, 64).sum().backward()
    assert x.grad is not None
    assert float(x.grad.abs().max()) == 0
