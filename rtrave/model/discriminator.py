"""The discriminators that RAVE's training has: chains of convolutions that look at audio in several ways.

By halves of the rate (MelGAN, arXiv 1910.06711), folded by periods (HiFi-GAN, arXiv 2010.05646), as complex spectra
(EnCodec, arXiv 2210.13438), and as spectra cut into bands (Descript's codec, arXiv 2306.06546), alone or together.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from rtrave.errors import RtraveError

PEAK = 0.8  # of what the views of Descript's codec see
SMALLEST_PEAK = 1e-9


@dataclass(frozen=True)
class Stage:
    """One convolution of a chain.

    Attributes
    ----------
    path : str
        Where RAVE's state dict has its weights, below "discriminator.".
    stride, padding, dilation : tuple of int
        One number for each axis of its kernel.
    """

    path: str
    stride: tuple[int, ...]
    padding: tuple[int, ...]
    dilation: tuple[int, ...]


@dataclass(frozen=True)
class View:
    """One way to look at audio, and the chains of convolutions that do.

    Attributes
    ----------
    kind : str
        "scale", "period" or "spectrum"; of Descript's codec "dac period" or "dac bands".
    size : int
        Samples averaged into one, or period in samples; 0 for spectra.
    chains : tuple of tuple of Stage
        One, or one for each band.
    head : Stage or None
        Takes all bands side by side.
    slope : float
        Of the leaky rectifiers between stages.
    before : bool
        Feature maps are taken before the rectifier instead of after it.
    source : str
        Where the window of its spectrum is.
    bands : tuple of (int, int)
        First bin, and first one beyond, of each band.
    """

    kind: str
    size: int
    chains: tuple[tuple[Stage, ...], ...]
    head: Stage | None = None
    slope: float = 0.2
    before: bool = False
    source: str = ""
    bands: tuple[tuple[int, int], ...] = ()


class Discriminator(nn.Module):
    """RAVE's discriminator, with its state dict's names.

    Parameters
    ----------
    entries : mapping
        The state dict, without "discriminator." before each name.
    views : sequence of View

    Raises
    ------
    RtraveError
        A view has no weights, weights have no view, or they are not finite.
    """

    def __init__(self, entries: Mapping[str, Tensor], views: Sequence[View]) -> None:
        super().__init__()
        for name, value in entries.items():
            if not torch.isfinite(value).all():
                raise RtraveError(f"{name!r} holds NaN or infinity")
        _grow(self, entries)
        self.views = tuple(views)
        used = {stage.path for view in views for stage in (*sum(view.chains, ()), *([view.head] if view.head else []))}
        used |= {view.source for view in views if view.source}
        for path in sorted({name.rpartition(".")[0] for name in entries} ^ used):
            raise RtraveError(f"{path!r} {'has no weights' if path in used else 'belongs to nothing that is known'}")

    def forward(self, x: Tensor) -> list[list[Tensor]]:
        """Audio [B, C, T] -> for each view the feature maps of its convolutions; the last one is its verdict.

        T is at least as long as the longest window and the longest period.
        """
        return [self._look(view, x) for view in self.views]

    def _look(self, view: View, x: Tensor) -> list[Tensor]:
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
        """A chain's output; its feature maps are added to `maps`. The last stage is rectified where a head follows."""
        for stage in chain:
            raw = self._convolve(stage, x)
            last = stage is chain[-1] and view.head is None
            x = raw if last else functional.leaky_relu(raw, view.slope)
            maps.append(raw if view.before else x)
        return x

    def _convolve(self, stage: Stage, x: Tensor) -> Tensor:
        kept = self.get_submodule(stage.path)
        weights = dict(kept.named_parameters(recurse=False))
        weight = weights.get("weight")
        if weight is None:
            direction = weights["weight_v"]
            norm = torch.linalg.vector_norm(direction, dim=tuple(range(1, direction.ndim)), keepdim=True)
            weight = direction * (weights["weight_g"] / norm)
        convolve = functional.conv1d if weight.ndim == 3 else functional.conv2d
        groups = x.shape[1] // weight.shape[1]
        return convolve(x, weight, weights.get("bias"), stage.stride, stage.padding, stage.dilation, groups)

    def _prepared(self, view: View, x: Tensor) -> Tensor:
        """What a view's chains see of audio [B, C, T]."""
        if view.kind == "scale":
            return functional.avg_pool1d(x, view.size)
        if view.kind == "period":
            return _folded(functional.pad(x, (0, -x.shape[2] % view.size)), view.size)
        if view.kind == "spectrum":
            spectrum = self._spectrum(view, x, centred=False)
            return torch.cat((spectrum.real, spectrum.imag), dim=1)
        x = x - x.mean(dim=2, keepdim=True)
        x = PEAK * x / (x.abs().amax(dim=2, keepdim=True) + SMALLEST_PEAK)
        if view.kind == "dac period":  # a whole period more where the length is a multiple of it
            return _folded(functional.pad(x, (0, view.size - x.shape[2] % view.size), mode="reflect"), view.size)
        spectrum = torch.view_as_real(self._spectrum(view, x, centred=True))
        return spectrum.permute(0, 1, 4, 3, 2).flatten(1, 2)

    def _spectrum(self, view: View, x: Tensor, centred: bool) -> Tensor:
        """Complex [B, C, bins, frames], a frame every quarter of the window; scaled by its power where not centred."""
        window = self.get_submodule(view.source).get_buffer("window")
        size = window.shape[0]
        flat = x.reshape(-1, x.shape[2])
        spectrum = torch.stft(flat, size, size // 4, window=window, center=centred, return_complex=True)
        spectrum = spectrum.reshape(*x.shape[:2], *spectrum.shape[1:])
        return spectrum if centred else spectrum / window.square().sum().sqrt()


def _folded(x: Tensor, period: int) -> Tensor:
    """[B, C, T] -> [B, C, T / period, period]."""
    return x.reshape(*x.shape[:2], -1, period)


def _grow(module: nn.Module, entries: Mapping[str, Tensor]) -> None:
    """Put entries under their dotted names: weights as parameters, windows as buffers."""
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
