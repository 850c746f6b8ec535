"""The losses equal their formulas, written with NumPy, and have the properties that they are made for."""

import numpy as np
import pytest
import torch

from rtrave.train import losses


def spectrum(x, window):
    """Magnitude spectra [bins, frames] of [T]."""
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(window) / window)
    padded = np.pad(np.asarray(x, np.float64), window // 2)
    starts = range(0, len(padded) - window + 1, window // 4)
    return np.abs(np.array([np.fft.rfft(padded[s : s + window] * hann) for s in starts])).T


@pytest.fixture
def pair():
    generator = np.random.default_rng(0)
    return tuple((0.1 * generator.standard_normal((2, 1, 4099))).astype(np.float32) for _ in range(2))


def spectra(x, window):
    return np.stack([spectrum(row, window) for row in x[:, 0]])


def spectral_difference(one, other):
    """Return ||S - S'|| / ||S|| + mean |log(S + .01) - log(S' + .01)|."""
    linear = np.linalg.norm(one - other) / np.linalg.norm(one)
    return linear + np.abs(np.log(one + 0.01) - np.log(other + 0.01)).mean()


def test_lean(pair):
    expected = np.mean([spectral_difference(spectra(pair[0], w), spectra(pair[1], w)) for w in (1024, 128)])
    loss = losses.lean(*map(torch.from_numpy, pair), (1024, 128))
    assert float(loss) == pytest.approx(expected, rel=1e-4)


def patch_powers(spectrum):
    """Mean power of each patch of 8 frames and 16 bins of [bins, frames]; patches at the ends are smaller."""
    bins, frames = (range(0, size, step) for size, step in zip(spectrum.shape, (16, 8), strict=True))
    return np.array([[np.square(spectrum[b : b + 16, f : f + 8]).mean() for f in frames] for b in bins])


def test_lean_with_levels(pair):
    expected = []
    for window in (1024, 128):
        logs = [np.stack([np.log(patch_powers(spectrum(row, window)) + 1e-4) for row in x[:, 0]]) for x in pair]
        expected.append(
            spectral_difference(*(spectra(x, window) for x in pair)) + 0.3 * np.abs(logs[0] - logs[1]).mean() / 2
        )
    loss = losses.lean(*map(torch.from_numpy, pair), (1024, 128), 0.3)
    assert float(loss) == pytest.approx(np.mean(expected), rel=1e-4)


def aperiodicity(x):
    """Aperiodicity [frames, 1160] and power [frames, 1] of [B, 1, T], by Boersma's autocorrelation."""
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(4096) / 4096)
    fade = np.correlate(hann, hann, "full")[4095:][:1160]
    products = np.fft.irfft(np.concatenate([np.square(spectrum(row, 4096)).T for row in x[:, 0]]))[:, :1160]
    power = products[:, :1]
    return np.maximum(1 - products / (power + 1e-3) / (fade / fade[0]), 0), power


def test_period(pair):
    (one, power), (other, _) = map(aperiodicity, pair)
    weights = np.sqrt(power) / (one + 0.1)
    expected = (np.abs(np.log(one + 0.1) - np.log(other + 0.1)) * weights).sum() / weights.sum()
    assert float(losses.period_difference(*map(torch.from_numpy, pair))) == pytest.approx(expected, rel=1e-3)


def test_aperiodicity_of_a_tone():
    """It is 0 over a whole period; over half a period, it is twice the share of the odd partials."""
    periods = torch.arange(16384) / 400
    first, second = (torch.sin(2 * torch.pi * n * periods)[None, None] for n in (1, 2))
    for tone, half in ((first, 2.0), (second, 0.0), (first + second, 1.0), (first + 3 * second, 0.2)):
        measured = losses.aperiodicity(tone)[0][0, 4:-4]
        assert measured[:, [400, 800]].max() < 0.01
        assert measured[:, 200].numpy() == pytest.approx(half, abs=0.02)


def test_the_period_loss_notices_a_weak_first_partial():
    """A first partial weaker by 6 dB costs more than a noise stronger by 3 dB or a fourth partial weaker by 6 dB.

    Only without the first partial does the sound repeat after half a period. The spectral loss rates it the least.
    """
    first, second, fourth = (torch.sin(2 * torch.pi * hz * torch.arange(32768) / 44100) / 4 for hz in (220, 440, 880))
    noise = torch.randn(32768, generator=torch.Generator().manual_seed(0)) / 300
    expected, weaker, noisier, darker = (
        (a * first + 2 * second + b * fourth + c * noise)[None, None]
        for a, b, c in ((1.0, 1.0, 1.0), (0.5, 1.0, 1.0), (1.0, 1.0, 1.4), (1.0, 0.5, 1.0))
    )
    lean = [float(losses.lean(expected, output, (4096, 2048))) for output in (weaker, noisier, darker)]
    period = [float(losses.period_difference(expected, output)) for output in (weaker, noisier, darker)]
    assert lean[0] < min(lean[1:]) and period[0] > 20 * period[1] and period[0] > 1.3 * period[2]
    assert float(losses.period_difference(expected, -0.1 * expected)) < 1e-3


def test_the_level_loss_is_lowest_at_the_power_of_a_noise():
    """Without it, the loss against another noise is lowest for a noise that is too soft."""
    one, other = torch.randn(2, 1, 1, 60000, generator=torch.Generator().manual_seed(0)) / 10
    gains = (0.7, 0.8, 0.9, 1.0, 1.1, 1.2)
    without, with_levels = (
        [float(losses.lean(one, gain * other, (1024, 256), weight)) for gain in gains] for weight in (0.0, 1.0)
    )
    assert gains[int(np.argmin(without))] < 1 == gains[int(np.argmin(with_levels))]


def test_published(pair):
    expected = 0.0
    for window in (1024, 128):
        one, other = (spectra(x, window) for x in pair)
        expected += np.square(one - other).mean() / np.square(one).mean()
        expected += np.abs(np.log(one + 1e-7) - np.log(other + 1e-7)).mean()
    assert float(losses.published(*map(torch.from_numpy, pair), (1024, 128))) == pytest.approx(expected, rel=1e-4)


def test_divergence_is_twice_that_of_two_normal_distributions():
    mean, std = torch.tensor([[[0.5], [-1.0]]]), torch.tensor([[[0.5], [2.0]]])
    normal = torch.distributions.Normal
    expected = torch.distributions.kl_divergence(normal(mean, std), normal(0.0, 1.0)).sum()
    assert float(losses.divergence(mean, std)) == pytest.approx(2 * float(expected), rel=1e-5)


def test_correlation_is_least_for_white_latents():
    white = torch.from_numpy(np.random.default_rng(0).standard_normal((8, 4, 500))).float()
    mixed = torch.einsum("ij,bjn->bin", torch.tensor(np.tri(4), dtype=torch.float32), white)
    assert float(losses.correlation(white)) < 1e-2 < 1 < float(losses.correlation(mixed))


def test_hinge_and_feature_matching():
    real = [[torch.full((2,), 3.0), torch.tensor([2.0, 4.0]), torch.tensor([2.0, 0.5])]]
    fake = [[torch.full((2,), 9.0), torch.tensor([1.0, 4.0]), torch.tensor([-0.5, 0.0])]]
    assert float(losses.hinge_discriminator(real, fake)) == pytest.approx(0.25 + 0.75)
    assert float(losses.hinge_decoder(fake)) == pytest.approx(0.25)
    # The first maps are skipped: (mean |1, 0| / mean |2, 4| + mean |2.5, .5| / mean |2, .5|) / 2
    assert float(losses.feature_matching(real, fake)) == pytest.approx((0.5 / 3 + 1.5 / 1.25) / 2)
