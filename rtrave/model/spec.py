"""What a model is, as two frozen records: its network's shape, and the facts its users ask for. Needs no torch."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from rtrave.errors import RtraveError


@dataclass(frozen=True)
class NetworkSpec:
    """Everything needed to build the network that a state dict fits into.

    Attributes
    ----------
    bands : int
        Bands of the PQMF, and its decimation.
    analysis_taps, synthesis_taps : int
        Kernel sizes of the PQMF's two convolutions.
    capacity : int
        Channels after the first convolution of the encoder.
    kernel_size : int
        Taps of the dilated convolutions; the first and last ones follow from it.
    ratios : tuple of int
        Strides of the encoder, first to last; the decoder goes through them backwards.
    dilations : tuple of tuple of int
        For each ratio the dilations of its residual units.
    latent_size : int
        Dimensions of the full latent space.
    channels : int
        Audio channels.
    weight_norm : bool
        Whether the state dict holds `weight_g` and `weight_v`, or `weight`.
    """

    bands: int
    analysis_taps: int
    synthesis_taps: int
    capacity: int
    kernel_size: int
    ratios: tuple[int, ...]
    dilations: tuple[tuple[int, ...], ...]
    latent_size: int
    channels: int
    weight_norm: bool

    @property
    def ratio(self) -> int:
        """Samples per latent frame."""
        return self.bands * math.prod(self.ratios)

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> NetworkSpec:
        """The inverse of `dataclasses.asdict` after a trip through JSON."""
        return cls(
            **{
                **record,
                "ratios": tuple(record["ratios"]),
                "dilations": tuple(tuple(row) for row in record["dilations"]),
            }
        )


@dataclass(frozen=True)
class ModelSpec:
    """What users and hosts ask of a model.

    Attributes
    ----------
    name : str
    architecture, regularisation : str
        "v2", "variational".
    sample_rate : int
        Hz.
    ratio : int
        Samples per latent frame.
    channels : int
        Audio channels.
    full_latent_size : int
        Dimensions of the latent space.
    delay : int
        Samples by which the stream lags the same model's offline `forward`.
    acoustic_delay : int
        `delay` and the filter bank's own: what a listener hears.
    causal : bool
    parameters : int
        Number of weights.
    fidelity : tuple of float
        Share of the latent variance that the first 1, 2, ... components explain, rising to 1.
    network : NetworkSpec
    """

    name: str
    architecture: str
    regularisation: str
    sample_rate: int
    ratio: int
    channels: int
    full_latent_size: int
    delay: int
    acoustic_delay: int
    causal: bool
    parameters: int
    fidelity: tuple[float, ...]
    network: NetworkSpec

    @property
    def latent_rate_hz(self) -> float:
        """Latent frames per second."""
        return self.sample_rate / self.ratio

    @property
    def latent_size(self) -> int:
        """Dimensions that musicians know: those at a fidelity of .95."""
        return self.get_dims_for_fidelity(0.95)

    def get_dims_for_fidelity(self, fidelity: float) -> int:
        """Components as RAVE's tutorial counts them: the index of the first one that passes `fidelity`, at least 1.

        One component less than what explains that share of the variance: see `dims_that_reach`.
        """
        return max(self._first_above(fidelity), 1)

    def dims_that_reach(self, fidelity: float) -> int:
        """How many components explain more than the share `fidelity` of the variance (all of them for 1)."""
        return min(self._first_above(fidelity) + 1, self.full_latent_size)

    def _first_above(self, fidelity: float) -> int:
        if not 0 <= fidelity <= 1:
            raise RtraveError(f"fidelity {fidelity}: give a share between 0 and 1")
        return next((i for i, share in enumerate(self.fidelity) if share > fidelity), self.full_latent_size - 1)

    def check_length(self, samples: int) -> None:
        """Refuse an empty block, or one that is no multiple of the ratio."""
        if samples <= 0 or samples % self.ratio:
            below = max(samples // self.ratio, 1) * self.ratio
            raise RtraveError(
                f"block of {samples} samples is not a multiple of the ratio {self.ratio}: "
                f"use {below} or {below + self.ratio}"
            )

    def renamed(self, name: str) -> ModelSpec:
        """The same model under another name."""
        return replace(self, name=name)

    def to_json(self) -> dict[str, Any]:
        """A record of plain JSON types."""
        return asdict(self)

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> ModelSpec:
        """The inverse of `to_json`."""
        fields = {**record, "fidelity": tuple(record["fidelity"]), "network": NetworkSpec.from_json(record["network"])}
        return cls(**fields)
