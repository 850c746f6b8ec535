"""A new discriminator with RAVE's names for its weights: five multi-period and three multi-scale views."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from rtrave.layers.conv import padding
from rtrave.model.discriminator import Discriminator, Stage, View

PERIODS = (2, 3, 5, 7, 11)
SCALES = 3
LAYERS = 4
STRIDE = 4
PERIOD_TAPS, SCALE_TAPS = 5, 15


def new_discriminator(capacity: int, channels: int, seed: int) -> Discriminator:
    """Build a discriminator for audio [B, channels, T], its weights drawn from the seed.

    Its first layers have `capacity` output channels; each following layer has twice as many.
    """
    generator = torch.Generator().manual_seed(seed)
    entries: dict[str, Tensor] = {}
    views = []
    for index, period in enumerate(PERIODS):
        widths = (channels, *(capacity * 2**i for i in range(LAYERS)))
        chain = _chain(entries, f"discriminators.0.layers.{index}", (PERIOD_TAPS, 1), widths, generator)
        views.append(View("period", period, (chain,), before=True))
    for index in range(SCALES):
        widths = (channels, *(capacity * 2**i for i in range(LAYERS)))
        chain = _chain(entries, f"discriminators.1.layers.{index}", (SCALE_TAPS,), widths, generator)
        views.append(View("scale", 2**index, (chain,), before=True))
    return Discriminator(entries, views)


def _chain(
    entries: dict[str, Tensor], at: str, kernel: tuple[int, ...], widths: tuple[int, ...], generator: torch.Generator
) -> tuple[Stage, ...]:
    """Build one view's convolutions and add their weights to `entries`.

    All are strided and weight-normalised, except the last: it is plain and gives the score.
    """
    stages = []
    for index, width in enumerate(widths):
        path, last = f"{at}.net.{2 * index}", index == len(widths) - 1
        taps = (1,) * len(kernel) if last else kernel
        out = 1 if last else widths[index + 1]
        bound = 1 / math.sqrt(width * math.prod(taps))
        weight = torch.empty((out, width, *taps)).uniform_(-bound, bound, generator=generator)
        entries[f"{path}.bias"] = torch.empty(out).uniform_(-bound, bound, generator=generator)
        if last:
            entries[f"{path}.weight"] = weight
        else:
            entries[f"{path}.weight_v"] = weight
            axes = tuple(range(1, weight.ndim))
            entries[f"{path}.weight_g"] = torch.linalg.vector_norm(weight, dim=axes, keepdim=True)
        flat = (0,) * (len(kernel) - 1), (1,) * (len(kernel) - 1)
        stages.append(
            Stage(
                path,
                (1 if last else STRIDE, *flat[1]),
                (padding(taps[0], 1, "centered")[0], *flat[0]),
                (1, *flat[1]),
            )
        )
    return tuple(stages)
