"""Training losses: spectral distances, regularisation of the latents, and adversarial losses."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from rtrave.train.spectral import LOG_FLOOR, SMALLEST_NORM, magnitudes, spectral_difference

PUBLISHED_LOG_FLOOR = 1e-7
PATCH = (8, 16)  # frames and bins over which the power of a spectrum is averaged
PERIOD_WINDOW, PERIOD_LAGS = 4096, 1160  # samples; the longest lag is a period of 38 Hz at 44.1 kHz
PERIOD_FLOOR = 0.1  # share of the power: aperiodicity below it does not change the perceived pitch
SMALLEST_POWER = 1e-3
SKIPPED_MAPS = 1  # first feature maps of each view, which are not matched

Maps = list[list[Tensor]]  # for each view of a discriminator its feature maps; the last map is the score


def lean(expected: Tensor, output: Tensor, windows: Sequence[int], level_weight: float = 0.0) -> Tensor:
    """Return the lean loss of audio [B, C, T].

    It is the mean over the FFT windows of `spectral_difference`, plus `level_weight` times the mean over the same
    windows of `level_difference`.
    The norms are taken over all crops of a step together. The floor of the logarithm lies 40 dB or more below a
    full-scale partial, so the loss ignores the noise floor.
    """
    pairs = [(magnitudes(expected, w), magnitudes(output, w)) for w in windows]
    total = torch.stack([spectral_difference(*pair) for pair in pairs]).mean()
    if level_weight:
        total = total + level_weight * torch.stack([level_difference(*pair) for pair in pairs]).mean()
    return total


def level_difference(expected: Tensor, output: Tensor) -> Tensor:
    """Return the mean absolute difference of the log magnitudes of patches of two spectra [B, frames, bins].

    A patch is the mean power of 8 frames and 16 bins. A model cannot predict the single bins of a noise; compared bin
    by bin, the loss is lowest for a noise that is too soft. A patch shows the power of the noise.
    """
    expected_power, output_power = (
        functional.avg_pool2d(spectrum.square(), PATCH, ceil_mode=True) for spectrum in (expected, output)
    )
    return ((expected_power + LOG_FLOOR**2).log() - (output_power + LOG_FLOOR**2).log()).abs().mean() / 2


def aperiodicity(x: Tensor) -> tuple[Tensor, Tensor]:
    """Return the aperiodicity of audio [..., T] over lags, [B, frames, lags], and the power, [B, frames, 1].

    The aperiodicity at a lag is the share of the power that changes over that lag, 0 to 2. It is 1 minus the
    autocorrelation of a Hann-windowed frame divided by that of the window (Boersma, Proc. IFA 17, 1993): the
    difference function of YIN, relative to the power.
    """
    hann = torch.hann_window(PERIOD_WINDOW, device=x.device)
    window_autocorrelation = torch.fft.irfft(torch.fft.rfft(hann, 2 * PERIOD_WINDOW).abs().square())[:PERIOD_LAGS]
    autocorrelation = torch.fft.irfft(magnitudes(x, PERIOD_WINDOW).square())[..., :PERIOD_LAGS]
    power = autocorrelation[..., :1]
    normalised = autocorrelation / (power + SMALLEST_POWER) / (window_autocorrelation / window_autocorrelation[0])
    return (1 - normalised).clamp(min=0), power


def period_difference(expected: Tensor, output: Tensor) -> Tensor:
    """Return the weighted mean absolute difference of the log `aperiodicity` of audio [..., T].

    Frames weigh by their magnitude, lags by how periodic the expected sound is there.

    A listener and YIN pick a period over half of it by comparing how much the signal changes over each lag. Over half
    a period, the change is the energy of the odd partials. Where these are weak, they fill few bins, and a spectral
    distance hardly notices their loss; this loss does. It ignores phases.
    """
    (expected_ap, power), (output_ap, _) = aperiodicity(expected), aperiodicity(output)
    weights = power.sqrt() / (expected_ap + PERIOD_FLOOR)
    differences = ((expected_ap + PERIOD_FLOOR).log() - (output_ap + PERIOD_FLOOR).log()).abs()
    return (weights * differences).sum() / weights.sum().clamp(min=SMALLEST_NORM)


def published(expected: Tensor, output: Tensor, windows: Sequence[int]) -> Tensor:
    """Return RAVE's AudioDistanceV1 of signals [B, C, T] (arXiv 2111.05011, eq. 4).

    It is the sum over the windows of the mean squared difference of the magnitudes, relative to the mean squared
    magnitude, and of the mean absolute difference of the log magnitudes.
    """
    total = output.new_zeros(())
    for window in windows:
        target, actual = magnitudes(expected, window), magnitudes(output, window)
        squared = (target - actual).square().mean() / target.square().mean().clamp(min=PUBLISHED_LOG_FLOOR)
        logs = (target + PUBLISHED_LOG_FLOOR).log() - (actual + PUBLISHED_LOG_FLOOR).log()
        total = total + squared + logs.abs().mean()
    return total


def divergence(mean: Tensor, std: Tensor) -> Tensor:
    """Return the KL divergence of the posterior [B, D, N] from the unit normal distribution, summed over D.

    The value is twice the divergence, as in RAVE.
    """
    variance = std.square()
    return (mean.square() + variance - variance.log() - 1).sum(dim=1).mean()


def correlation(mean: Tensor) -> Tensor:
    """Return the mean squared difference of the covariance of latents [B, D, N] from the identity matrix.

    It is 0 where all dimensions have unit variance and are uncorrelated.
    """
    rows = mean.transpose(0, 1).flatten(1)
    centred = rows - rows.mean(dim=1, keepdim=True)
    covariance = centred @ centred.T / rows.shape[1]
    return (covariance - torch.eye(len(rows), device=mean.device)).square().mean()


def hinge_discriminator(real: Maps, fake: Maps) -> Tensor:
    """Return the discriminator's hinge loss: 0 at scores of at least 1 for real sounds and at most -1 for fake ones."""
    losses = [
        functional.relu(1 - real_maps[-1].float()).mean() + functional.relu(1 + fake_maps[-1].float()).mean()
        for real_maps, fake_maps in zip(real, fake, strict=True)
    ]
    return torch.stack(losses).sum()


def hinge_decoder(fake: Maps) -> Tensor:
    """Return the decoder's adversarial loss: the negated scores of its output."""
    return -torch.stack([maps[-1].float().mean() for maps in fake]).sum()


def feature_matching(real: Maps, fake: Maps) -> Tensor:
    """Return the feature matching loss (arXiv 1910.06711).

    It is the mean over views and feature maps of the mean absolute difference, relative to the mean magnitude of the
    real sound's map.
    """
    views = [
        torch.stack(
            [
                (real_map - fake_map).abs().mean() / real_map.abs().mean().clamp(min=1e-6)
                for real_map, fake_map in zip(real_maps[SKIPPED_MAPS:], fake_maps[SKIPPED_MAPS:], strict=True)
            ]
        ).mean()
        for real_maps, fake_maps in zip(real, fake, strict=True)
    ]
    return torch.stack(views).mean()
