"""Frozen records of a model: the configuration of its network, and rate, channels, latents, delays. Needs no torch."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, is_dataclass, replace
from typing import Any, TypeVar, cast, get_type_hints

from rtrave.errors import RtraveError

REGULARISATIONS = ("variational", "wasserstein", "spherical", "discrete")

Record = TypeVar("Record")


@dataclass(frozen=True)
class NoiseSpec:
    """Noise synthesiser of a decoder.

    Attributes
    ----------
    version : int
        1 or 2: see `rtrave.layers.noise`.
    ratios : tuple of int
        Strides of its network; their product is the length of a frame in band samples.
    noise_bands : int
        Magnitudes per filter.
    hidden_size : int
        Channels between its layers; 0 for those of its input.
    """

    version: int
    ratios: tuple[int, ...]
    noise_bands: int
    hidden_size: int = 0


@dataclass(frozen=True)
class EncoderSpec:
    """Encoder of a network.

    Attributes
    ----------
    version : int
        1: plain strided convolutions with batch norm. 2: dilated residual units before each.
    capacity : int
        Channels after the first convolution.
    ratios : tuple of int
        Strides, first to last.
    kernel_size : int
        Taps of the dilated convolutions (version 2); the first convolution has twice as many plus one.
    dilations : tuple of tuple of int
        For each ratio the dilations of its residual units (version 2).
    keep_dim : bool
        Multiply the channels by the ratio instead of by two (version 2).
    activation : str
        "leaky_relu" or "snake", before the strided convolutions (version 2).
    adain : bool
        Adaptive instance norm before each residual unit (version 2).
    weight_norm : bool
        The state dict holds `weight_g` and `weight_v` instead of `weight`.
    """

    version: int
    capacity: int
    ratios: tuple[int, ...]
    kernel_size: int = 3
    dilations: tuple[tuple[int, ...], ...] = ()
    keep_dim: bool = False
    activation: str = "leaky_relu"
    adain: bool = False
    weight_norm: bool = True


@dataclass(frozen=True)
class DecoderSpec:
    """Decoder ("generator") of a network.

    Attributes
    ----------
    version : int
        1: residual stacks, with heads for waveform, loudness and noise. 2: mirror of the encoder of version 2.
    capacity : int
        Channels before the last convolution.
    ratios : tuple of int
        Strides in the encoder's order; version 2 applies them in reverse.
    kernel_size, dilations, keep_dim, activation, adain, weight_norm
        As in `EncoderSpec`.
    amplitude_modulation : bool
        One half of the output modulates the amplitude of the other (version 2).
    stack_kernel_sizes : tuple of int
        Taps in the parallel branches of a residual stack (version 1).
    stack_dilations : tuple of tuple of int
        Dilations of the two convolutions of each layer of a stack (version 1).
    loud_stride : int
        Stride of the loudness head (version 1).
    noise : NoiseSpec or None
    """

    version: int
    capacity: int
    ratios: tuple[int, ...]
    kernel_size: int = 3
    dilations: tuple[tuple[int, ...], ...] = ()
    keep_dim: bool = False
    activation: str = "leaky_relu"
    adain: bool = False
    weight_norm: bool = True
    amplitude_modulation: bool = True
    stack_kernel_sizes: tuple[int, ...] = (3,)
    stack_dilations: tuple[tuple[int, ...], ...] = ((1, 1), (3, 1), (5, 1))
    loud_stride: int = 1
    noise: NoiseSpec | None = None


@dataclass(frozen=True)
class NetworkSpec:
    """Complete description of a network, enough to build it and load its state dict.

    Attributes
    ----------
    encoder : EncoderSpec
    decoder : DecoderSpec
    latent_size : int
        Dimensions of the full latent space.
    regularisation : str
        "variational", "wasserstein", "spherical" or "discrete".
    noise_augmentation : int
        Channels of noise that are appended to the latents before the decoder.
    quantizers, codes : int
        Stages and code vectors of the residual quantiser ("discrete").
    bands : int
        Bands of the PQMF, which is also its decimation.
    raw_input, raw_output : bool
        The encoder reads, the decoder writes audio instead of the PQMF's bands.
    analysis_taps, synthesis_taps : int
        Kernel sizes of the PQMF's two convolutions.
    padding : str
        "causal" or "centered".
    channels : int
        Audio channels.
    """

    encoder: EncoderSpec
    decoder: DecoderSpec
    latent_size: int
    regularisation: str = "variational"
    noise_augmentation: int = 0
    quantizers: int = 0
    codes: int = 0
    bands: int = 16
    raw_input: bool = False
    raw_output: bool = False
    analysis_taps: int = 513
    synthesis_taps: int = 33
    padding: str = "causal"
    channels: int = 1

    @property
    def ratio(self) -> int:
        """Samples per latent frame."""
        return self.input_bands * math.prod(self.encoder.ratios)

    @property
    def input_bands(self) -> int:
        """Signals per audio channel at the input of the encoder, and their decimation."""
        return 1 if self.raw_input else self.bands

    @property
    def output_bands(self) -> int:
        """Signals per audio channel at the output of the decoder, and their decimation."""
        return 1 if self.raw_output else self.bands

    @property
    def folded(self) -> NetworkSpec:
        """The same network without weight norm."""
        encoder, decoder = replace(self.encoder, weight_norm=False), replace(self.decoder, weight_norm=False)
        return replace(self, encoder=encoder, decoder=decoder)


def read_record(kind: type[Record], record: Mapping[str, object], where: str = "") -> Record:
    """Build a frozen dataclass from plain JSON or TOML types; lists become tuples.

    `where` names the origin of the record in the RtraveError for an unknown or missing key.
    """
    hints, make = get_type_hints(kind), cast(Callable[..., Record], kind)
    unknown = sorted(set(record) - set(hints))
    if unknown:
        raise RtraveError(f"{where or kind.__name__}: expected the keys {', '.join(hints)}, got {unknown[0]!r}")
    values: dict[str, object] = {}
    for key, value in record.items():
        types = [part for part in (hints[key], *getattr(hints[key], "__args__", ())) if isinstance(part, type)]
        nested = [part for part in types if is_dataclass(part)]
        if nested and isinstance(value, Mapping):
            value = read_record(nested[0], value, f"{where}.{key}".strip("."))
        values[key] = _as_tuple(value)
    try:
        return make(**values)
    except TypeError as error:
        missing = [name for name in hints if name not in values]
        raise RtraveError(f"{where or kind.__name__}: expected {', '.join(missing)}, got none ({error})") from error


def check_length(samples: int, ratio: int) -> None:
    """Raise RtraveError for an empty block, or one that is no multiple of the ratio."""
    if samples <= 0 or samples % ratio:
        below = max(samples // ratio, 1) * ratio
        raise RtraveError(
            f"block size: expected a multiple of the ratio {ratio}, got {samples}: use {below} or {below + ratio}"
        )


def _as_tuple(value: object) -> object:
    return tuple(_as_tuple(item) for item in value) if isinstance(value, list | tuple) else value


@dataclass(frozen=True)
class ModelSpec:
    """Facts of a model that users and hosts ask for.

    Attributes
    ----------
    name : str
    architecture : str
        "v1", "v2", "v3", "discrete", "brave" ..., or "custom".
    regularisation : str
    sample_rate : int
        Hz.
    ratio : int
        Samples per latent frame.
    channels : int
        Audio channels.
    latent_size : int
        Dimensions of the compressed space: components at a fidelity of .95, angles, or codes.
    full_latent_size : int
        Dimensions of the latent space.
    delay : int
        Samples by which the stream lags the offline output of the same model.
    acoustic_delay : int
        `delay` plus the delay of the filter bank, which is the delay of the sound.
    causal : bool
    parameters : int
        Number of weights in encoder and decoder.
    fidelity : tuple of float
        Share of the latent variance that the first 1, 2, ... components explain, up to 1; empty without a PCA.
    network : NetworkSpec or None
        None for third-party TorchScript, whose network is unknown.
    capabilities : tuple of str
        "latents" to edit, "snapshot" of its state, "replay" to the bit.
    streaming : bool or None
        Blocks join without a seam; None if unknown.
    """

    name: str
    architecture: str
    regularisation: str
    sample_rate: int
    ratio: int
    channels: int
    latent_size: int
    full_latent_size: int
    delay: int
    acoustic_delay: int
    causal: bool
    parameters: int
    fidelity: tuple[float, ...]
    network: NetworkSpec | None = None
    capabilities: tuple[str, ...] = ("latents", "snapshot", "replay")
    streaming: bool | None = True

    @property
    def latent_rate_hz(self) -> float:
        """Latent frames per second."""
        return self.sample_rate / self.ratio

    def get_dims_for_fidelity(self, fidelity: float) -> int:
        """Return the number of components for a fidelity as RAVE's tutorial counts them, at least 1.

        It is the index of the first component with a cumulative share above `fidelity`, one less than the number that
        explains the share: see `dims_that_reach`.
        """
        return max(_first_above(self.fidelity, fidelity), 1)

    def dims_that_reach(self, fidelity: float) -> int:
        """Return how many components explain more than the share `fidelity` of the variance (all of them for 1)."""
        return min(_first_above(self.fidelity, fidelity) + 1, self.full_latent_size)

    def to_json(self) -> dict[str, Any]:
        """Return a record of plain JSON types."""
        return asdict(self)

    @classmethod
    def from_json(cls, record: Mapping[str, object]) -> ModelSpec:
        """Invert `to_json`; RtraveError for an unknown or missing key."""
        return read_record(cls, record)


def _first_above(shares: tuple[float, ...], fidelity: float) -> int:
    if not 0 <= fidelity <= 1:
        raise RtraveError(f"fidelity: expected a share between 0 and 1, got {fidelity}")
    if not shares:
        raise RtraveError("fidelity: expected a model with a PCA of its latents, got one without")
    return next((i for i, share in enumerate(shares) if share > fidelity), len(shares) - 1)


def known_latent_size(network: NetworkSpec, fidelity: tuple[float, ...]) -> int:
    """Return `ModelSpec.latent_size` of a network, which depends on its regularisation."""
    if network.regularisation == "variational":
        return max(_first_above(fidelity, 0.95), 1)
    if network.regularisation == "spherical":
        return network.latent_size - 1
    return network.quantizers if network.regularisation == "discrete" else network.latent_size
