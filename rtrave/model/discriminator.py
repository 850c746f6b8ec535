"""Discriminators of RAVE's training: chains of convolutions on several representations of audio.

The representations are audio at halved rates (MelGAN, arXiv 1910.06711), folded by periods (HiFi-GAN, arXiv
2010.05646), complex spectra (EnCodec, arXiv 2210.13438), and spectra split into bands (Descript's codec, arXiv
2306.06546), alone or combined.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from rtrave.errors import RtraveError

PEAK = 0.8  # of the input of Descript's views
SMALLEST_PEAK = 1e-9


@dataclass(frozen=True)
class Stage:
    """Convolution of a chain.

    Attributes
    ----------
    path : str
        Name of its weights in RAVE's state dict, below "discriminator.".
    stride, padding, dilation : tuple of int
        One number for each axis of the kernel.
    """

    path: str
    stride: tuple[int, ...]
    padding: tuple[int, ...]
    dilation: tuple[int, ...]


Kind = Literal["scale", "period", "spectrum", "dac period", "dac bands"]


@dataclass(frozen=True)
class View:
    """Representation of audio and the chains of convolutions on it.

    Attributes
    ----------
    kind : {"scale", "period", "spectrum", "dac period", "dac bands"}
        The last two are those of Descript's codec.
    size : int
        Samples averaged into one, or period in samples; 0 for spectra.
    chains : tuple of tuple of Stage
        One chain, or one for each band.
    head : Stage or None
        Convolution of all bands side by side.
    slope : float
        Slope of the leaky rectifiers between stages.
    before : bool
        The feature maps are inputs of the rectifiers instead of their outputs.
    source : str
        Name of the module with the window of the spectrum.
    bands : tuple of (int, int)
        First bin and end (exclusive) of each band.
    """

    kind: Kind
    size: int
    chains: tuple[tuple[Stage, ...], ...]
    head: Stage | None = None
    slope: float = 0.2
    before: bool = False
    source: str = ""
    bands: tuple[tuple[int, int], ...] = ()


class Discriminator(nn.Module):
    """RAVE's discriminator, with the names of its state dict.

    Parameters
    ----------
    entries : mapping
        State dict without the prefix "discriminator." of its names.
    views : sequence of View

    Raises
    ------
    RtraveError
        A view has no weights, weights belong to no view, or they are not finite.
    """

    def __init__(self, entries: Mapping[str, Tensor], views: Sequence[View]) -> None:
        super().__init__()
        for name, value in entries.items():
            if not torch.isfinite(value).all():
                raise RtraveError(f"{name!r}: expected finite numbers, got NaN or infinity")
        _grow(self, entries)
        self.views = tuple(views)
        used = {stage.path for view in views for stage in (*sum(view.chains, ()), *([view.head] if view.head else []))}
        used |= {view.source for view in views if view.source}
        for path in sorted({name.rpartition(".")[0] for name in entries} ^ used):
            problem = "weights, got none" if path in used else "an entry of a known kind, got an unknown one"
            raise RtraveError(f"{path!r}: expected {problem}")

    def forward(self, x: Tensor) -> list[list[Tensor]]:
        """Return the feature maps of each view for audio [B, C, T]; the last map of a view is its score.

        T is at least the longest window and the longest period.
        """
        return [self._feature_maps(view, x) for view in self.views]

    def _feature_maps(self, view: View, x: Tensor) -> list[Tensor]:
        maps: list[Tensor] = []
        if view.kind != "dac bands":
            self._chain(view, view.chains[0], self._prepared(view, x), maps)
            return maps
        spectrum = self._prepared(view, x)
        parts = [
            self._chain(view, chain, spectrum[..., low:high], maps)
            for chain, (low, high) in zip(view.chains, view.bands, strict=True)
        ]
        if view.head is not None:
            maps.append(self._convolve(view.head, torch.cat(parts, dim=-1)))
        return maps

    def _chain(self, view: View, chain: Sequence[Stage], x: Tensor, maps: list[Tensor]) -> Tensor:
        """Return the output of a chain and append its feature maps to `maps`. A head needs the last stage rectified."""
        for stage in chain:
            raw = self._convolve(stage, x)
            last = stage is chain[-1] and view.head is None
            x = raw if last else functional.leaky_relu(raw, view.slope)
            maps.append(raw if view.before else x)
        return x

    def _convolve(self, stage: Stage, x: Tensor) -> Tensor:
        module = self.get_submodule(stage.path)
        weights = dict(module.named_parameters(recurse=False))
        weight = weights.get("weight")
        if weight is None:
            direction = weights["weight_v"]
            norm = torch.linalg.vector_norm(direction, dim=tuple(range(1, direction.ndim)), keepdim=True)
            weight = direction * (weights["weight_g"] / norm)
        convolve = functional.conv1d if weight.ndim == 3 else functional.conv2d
        groups = x.shape[1] // weight.shape[1]
        return convolve(x, weight, weights.get("bias"), stage.stride, stage.padding, stage.dilation, groups)

    def _prepared(self, view: View, x: Tensor) -> Tensor:
        """Return the representation of audio [B, C, T] for a view."""
        if view.kind == "scale":
            return functional.avg_pool1d(x, view.size)
        if view.kind == "period":
            return _folded(functional.pad(x, (0, -x.shape[2] % view.size)), view.size)
        if view.kind == "spectrum":
            spectrum = self._spectrum(view, x, centred=False)
            return torch.cat((spectrum.real, spectrum.imag), dim=1)
        x = x - x.mean(dim=2, keepdim=True)
        x = PEAK * x / (x.abs().amax(dim=2, keepdim=True) + SMALLEST_PEAK)
        if view.kind == "dac period":  # a multiple of the period gets a further period
            return _folded(functional.pad(x, (0, view.size - x.shape[2] % view.size), mode="reflect"), view.size)
        spectrum = torch.view_as_real(self._spectrum(view, x, centred=True))
        return spectrum.permute(0, 1, 4, 3, 2).flatten(1, 2)

    def _spectrum(self, view: View, x: Tensor, centred: bool) -> Tensor:
        """Return the spectrum [B, C, bins, frames], a frame every quarter window, scaled unless centred."""
        window = self.get_submodule(view.source).get_buffer("window")
        size = window.shape[0]
        flat = x.reshape(-1, x.shape[2])
        spectrum = torch.stft(flat, size, size // 4, window=window, center=centred, return_complex=True)
        spectrum = spectrum.reshape(*x.shape[:2], *spectrum.shape[1:])
        return spectrum if centred else spectrum / window.square().sum().sqrt()


def _folded(x: Tensor, period: int) -> Tensor:
    """Fold [B, C, T] -> [B, C, T / period, period]."""
    return x.reshape(*x.shape[:2], -1, period)


def _grow(module: nn.Module, entries: Mapping[str, Tensor]) -> None:
    """Add entries to a module under their dotted names: weights as parameters, windows as buffers."""
    below: dict[str, dict[str, Tensor]] = defaultdict(dict)
    for name, value in entries.items():
        first, _, rest = name.partition(".")
        if rest:
            below[first][rest] = value
        elif first.startswith(("weight", "bias")):
            module.register_parameter(first, nn.Parameter(value.clone()))
        else:
            module.register_buffer(first, value.clone())
    for first, inner in below.items():
        module.add_module(first, nn.Module())
        _grow(module.get_submodule(first), inner)
