"""What training makes small: distances of spectra, the posterior's divergence, and what a discriminator hears."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from rtrave.train.spectral import LOG_FLOOR, SMALLEST_NORM, magnitudes, spectral_difference

PUBLISHED_LOG_FLOOR = 1e-7
PATCH = (8, 16)  # frames and bins of a spectrum whose power is compared as one
PERIOD_WINDOW, PERIOD_LAGS = 4096, 1160  # up to a period of 38 Hz at 44.1 kHz
PERIOD_FLOOR = 0.1  # of the power: less than that is heard as one pitch
SMALLEST_LEVEL = 1e-3
SKIPPED_MAPS = 1  # a discriminator's first feature maps are not matched

Maps = list[list[Tensor]]  # for each view of a discriminator its feature maps, the last its verdict


def lean(expected: Tensor, came: Tensor, windows: Sequence[int], level_weight: float = 0.0) -> Tensor:
    """Of audio [B, C, T]: the mean over some windows of `spectral_difference`, all crops of a step as one, and so many
    times the `level_difference`.

    The floor in its logarithm, -40 dB against a full-scale partial and less, spends no effort on the noise floor.
    """
    pairs = [(magnitudes(expected, w), magnitudes(came, w)) for w in windows]
    total = torch.stack([spectral_difference(*pair) for pair in pairs]).mean()
    if level_weight:
        total = total + level_weight * torch.stack([level_difference(*pair) for pair in pairs]).mean()
    return total


def level_difference(expected: Tensor, came: Tensor) -> Tensor:
    """Of two magnitude spectra [B, frames, bins]: mean difference of the logarithms of what patches hold, as magnitude.

    A model that cannot know each bin of a noise comes nearest bin by bin with too little of it; a patch tells how much.
    """
    one, other = (functional.avg_pool2d(s.square(), PATCH, ceil_mode=True) for s in (expected, came))
    return ((one + LOG_FLOOR**2).log() - (other + LOG_FLOOR**2).log()).abs().mean() / 2


def aperiodicity(x: Tensor) -> tuple[Tensor, Tensor]:
    """Of audio [..., T] in Hann windows: how much of the power is another so many samples later, [B, frames, lags], 0
    to 2; and the power, [B, frames, 1].

    1 minus the autocorrelation over that of the window (Boersma, Proc. IFA 17, 1993): YIN's difference, as a share.
    """
    hann = torch.hann_window(PERIOD_WINDOW, device=x.device)
    fade = torch.fft.irfft(torch.fft.rfft(hann, 2 * PERIOD_WINDOW).abs().square())[:PERIOD_LAGS]
    products = torch.fft.irfft(magnitudes(x, PERIOD_WINDOW).square())[..., :PERIOD_LAGS]
    power = products[..., :1]
    return (1 - products / (power + SMALLEST_LEVEL) / (fade / fade[0])).clamp(min=0), power


def period_difference(expected: Tensor, came: Tensor) -> Tensor:
    """Of audio [..., T]: the mean over lags of how far the logarithms of `aperiodicity` are apart; frames weigh by
    magnitude, lags by how periodic the expected sound is there.

    So an ear, or YIN, tells a period from its half: half a period after, as little is another as the odd partials are
    weak; and those fill few of the bins by which spectra differ. Phases are not compared.
    """
    (one, power), (other, _) = aperiodicity(expected), aperiodicity(came)
    weights = power.sqrt() / (one + PERIOD_FLOOR)
    apart = ((one + PERIOD_FLOOR).log() - (other + PERIOD_FLOOR).log()).abs()
    return (weights * apart).sum() / weights.sum().clamp(min=SMALLEST_NORM)


def published(expected: Tensor, came: Tensor, windows: Sequence[int]) -> Tensor:
    """AudioDistanceV1 of RAVE, of signals [B, C, T]: summed over the windows, the squared difference of magnitudes
    relative to the squared magnitudes, and the mean difference of their logarithms (arXiv 2111.05011, eq. 4)."""
    total = came.new_zeros(())
    for window in windows:
        one, other = magnitudes(expected, window), magnitudes(came, window)
        squared = (one - other).square().mean() / one.square().mean().clamp(min=PUBLISHED_LOG_FLOOR)
        logs = (one + PUBLISHED_LOG_FLOOR).log() - (other + PUBLISHED_LOG_FLOOR).log()
        total = total + squared + logs.abs().mean()
    return total


def divergence(mean: Tensor, std: Tensor) -> Tensor:
    """Of the posterior from the unit normal distribution, doubled as RAVE has it: [B, D, N], summed over D."""
    variance = std.square()
    return (mean.square() + variance - variance.log() - 1).sum(dim=1).mean()


def correlation(mean: Tensor) -> Tensor:
    """Mean squared distance of the latents' covariance from unity, of [B, D, N]: 0 where all components are of equal
    weight and independent."""
    rows = mean.transpose(0, 1).flatten(1)
    centred = rows - rows.mean(dim=1, keepdim=True)
    covariance = centred @ centred.T / rows.shape[1]
    return (covariance - torch.eye(len(rows), device=mean.device)).square().mean()


def hinge_discriminator(real: Maps, fake: Maps) -> Tensor:
    """What a discriminator makes small: verdicts of 1 and more for real sounds, of -1 and less for made ones."""
    losses = [
        functional.relu(1 - true[-1].float()).mean() + functional.relu(1 + made[-1].float()).mean()
        for true, made in zip(real, fake, strict=True)
    ]
    return torch.stack(losses).sum()


def hinge_decoder(fake: Maps) -> Tensor:
    """What a decoder makes small: the verdicts on what it makes, with their sign turned."""
    return -torch.stack([made[-1].float().mean() for made in fake]).sum()


def feature_matching(real: Maps, fake: Maps) -> Tensor:
    """Mean over views and feature maps of the mean difference relative to the mean size (arXiv 1910.06711)."""
    views = [
        torch.stack(
            [
                (one - other).abs().mean() / one.abs().mean().clamp(min=1e-6)
                for one, other in zip(true[SKIPPED_MAPS:], made[SKIPPED_MAPS:], strict=True)
            ]
        ).mean()
        for true, made in zip(real, fake, strict=True)
    ]
    return torch.stack(views).mean()
