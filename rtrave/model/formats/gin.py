"""Networks from the configuration of a training run, `config.gin`. It is parsed, never executed."""

from __future__ import annotations

import tokenize
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeGuard

from gin import config_parser
from torch import Tensor

from rtrave.errors import RtraveError
from rtrave.model.formats.dilated import DilatedFields
from rtrave.model.spec import DecoderSpec, EncoderSpec, NetworkSpec, NoiseSpec

NETWORK_SCOPES = ("", "variational")
REGULARISERS = {
    "@blocks.VariationalEncoder": "variational",
    "@blocks.WasserteinEncoder": "wasserstein",
    "@blocks.SphericalEncoder": "spherical",
    "@blocks.DiscreteEncoder": "discrete",
}
ACTIVATIONS = {None: "leaky_relu", "@blocks.Snake": "snake"}
# Supported bindings -> their supported values (None: absent or None).
BUILDABLE: dict[str, tuple[str | int | bool | None, ...]] = {
    "convs.get_padding.mode": ("causal", "centered", None),
    "model.RAVE.encoder": tuple(REGULARISERS),
    "model.RAVE.decoder": ("@blocks.Generator", "@blocks.GeneratorV2"),
    "model.RAVE.input_mode": ("pqmf", "raw", None),
    "model.RAVE.output_mode": ("pqmf", "raw", None),
    "model.RAVE.spectrogram": (None,),
    "blocks.normalization.mode": ("weight_norm",),
    "blocks.Encoder.recurrent_layer": (None,),
    "blocks.Encoder.spectrogram": (None,),
    "blocks.Encoder.repeat_layers": (1, None),
    "blocks.Encoder.sample_norm": (False, None),
    "blocks.EncoderV2.recurrent_layer": (None,),
    "blocks.EncoderV2.spectrogram": (None,),
    "blocks.EncoderV2.activation": tuple(ACTIVATIONS),
    "blocks.EncoderV2.adain": (None, "@blocks.AdaptiveInstanceNormalization"),
    "blocks.Generator.recurrent_layer": (None,),
    "blocks.Generator.loud_stride": (1, None),
    "blocks.GeneratorV2.recurrent_layer": (None,),
    "blocks.GeneratorV2.activation": tuple(ACTIVATIONS),
    "blocks.GeneratorV2.adain": (None, "@blocks.AdaptiveInstanceNormalization"),
    "blocks.GeneratorV2.noise_module": (None, "@blocks.NoiseGeneratorV2"),
    "blocks.DiscreteEncoder.vq_cls": (None, "@quantization.ResidualVectorQuantization"),
}


class _Words(config_parser.ParserDelegate):
    """Parser delegate that returns references and macros as text; it neither imports nor calls anything."""

    def configurable_reference(self, scoped_configurable_name: str, evaluate: bool) -> str:
        return f"@{scoped_configurable_name}{'()' * evaluate}"

    def macro(self, macro_name: str) -> str:
        return f"%{macro_name}"


def read_gin(path: Path) -> dict[str, object]:
    """Return the bindings of an operative gin file with macros resolved: "selector.argument" -> value.

    Scopes of the discriminator reuse selectors of the network and remain in the key: "scales/selector.argument".
    RtraveError for a file that cannot be parsed.
    """
    try:
        text = path.read_text(encoding="utf-8")
        statements = list(config_parser.ConfigParser(text, _Words()))
    except (OSError, SyntaxError, ValueError, tokenize.TokenError, RecursionError) as error:
        raise RtraveError(f"cannot read '{path}': {(str(error).splitlines() or ['damaged'])[0]}") from error
    bindings = [s for s in statements if isinstance(s, config_parser.BindingStatement)]
    macros = {s.selector: s.value for s in bindings if not s.arg_name}

    def resolve(value: object) -> object:
        if isinstance(value, str) and value.startswith("%"):
            return macros.get(value[1:])
        return value

    return {
        f"{'' if s.scope in NETWORK_SCOPES else s.scope + '/'}{s.selector}.{s.arg_name}": resolve(s.value)
        for s in bindings
        if s.arg_name
    }


def _is_positive(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _are_positive(values: object) -> TypeGuard[list[int]]:
    return isinstance(values, list) and bool(values) and all(_is_positive(value) for value in values)


@dataclass(frozen=True)
class Config:
    """Bindings of a run, with typed access; every method raises RtraveError for a value of another type."""

    bindings: Mapping[str, object]
    path: Path

    def check(self) -> None:
        """Raise RtraveError for the first binding in `BUILDABLE` that has no supported value."""
        for key, allowed in BUILDABLE.items():
            value = self.bindings.get(key)
            if value not in allowed:
                known = " or ".join(map(str, allowed))
                raise RtraveError(f"'{self.path}': {key}: expected {known}, got {value}: it cannot be built")

    def get(self, key: str, default: object = None) -> object:
        """Return a binding, or the default if it is absent."""
        return self.bindings.get(key, default)

    def text(self, key: str) -> str | None:
        """Return a binding that is text; None if it is absent or None."""
        value = self.bindings.get(key)
        if value is None or isinstance(value, str):
            return value
        raise self._refusal(key, "text")

    def integer(self, key: str) -> int:
        """Return a binding that is a positive whole number."""
        value = self.bindings.get(key)
        if _is_positive(value):
            return value
        raise self._refusal(key, "a positive whole number")

    def integers(self, key: str) -> tuple[int, ...]:
        """Return a binding that is a list of positive whole numbers, or one such number."""
        value = self.bindings.get(key)
        if _is_positive(value):
            return (value,)
        if _are_positive(value):
            return tuple(value)
        raise self._refusal(key, "a list of positive whole numbers")

    def lists(self, key: str, count: int | None = None) -> tuple[tuple[int, ...], ...]:
        """Return a binding that is a list of lists of positive whole numbers.

        With `count` a plain list, or one number, stands for that many equal lists.
        """
        value = self.bindings.get(key)
        if count is not None and not (isinstance(value, list) and any(isinstance(item, list) for item in value)):
            return (self.integers(key),) * count
        if isinstance(value, list) and value and all(_are_positive(item) for item in value):
            return tuple(tuple(item) for item in value)
        raise self._refusal(key, "a list of lists of positive whole numbers")

    def _refusal(self, key: str, expected: str) -> RtraveError:
        return RtraveError(f"'{self.path}': {key}: expected {expected}, got {self.bindings.get(key)!r}")


def encoder_from_gin(config: Config) -> EncoderSpec:
    """Return the encoder that a configuration describes."""
    version = 2 if "blocks.EncoderV2.capacity" in config.bindings else 1
    name = "blocks.EncoderV2" if version == 2 else "blocks.Encoder"
    capacity, ratios = config.integer(f"{name}.capacity"), config.integers(f"{name}.ratios")
    if version == 1:
        return EncoderSpec(1, capacity, ratios, weight_norm=False)
    return EncoderSpec(version, capacity, ratios, **_dilated_fields(config, name, ratios))


def _dilated_fields(config: Config, name: str, ratios: tuple[int, ...]) -> DilatedFields:
    """Return the shared fields of version 2; `name` is the selector of the encoder or the decoder."""
    dilations = config.lists(f"{name}.dilations", len(ratios))
    if len(dilations) != len(ratios):
        raise RtraveError(f"'{config.path}': {name}: expected dilations for the ratios {ratios}, got {dilations}")
    return DilatedFields(
        kernel_size=config.integer(f"{name}.kernel_size"),
        dilations=dilations,
        keep_dim=bool(config.get(f"{name}.keep_dim", False)),
        activation=ACTIVATIONS[config.text(f"{name}.activation")],
        adain=config.get(f"{name}.adain") is not None,
    )


def decoder_from_gin(config: Config) -> DecoderSpec:
    """Return the decoder that a configuration describes."""
    if config.text("model.RAVE.decoder") == "@blocks.Generator":
        noise = None
        if config.get("blocks.Generator.use_noise", True):
            noise = NoiseSpec(
                1, config.integers("blocks.NoiseGenerator.ratios"), config.integer("blocks.NoiseGenerator.noise_bands")
            )
        kernel_sizes = config.integers("blocks.ResidualStack.kernel_sizes")
        dilations = config.lists("blocks.ResidualStack.dilations_list")
        capacity, ratios = config.integer("blocks.Generator.capacity"), config.integers("blocks.Generator.ratios")
        return DecoderSpec(1, capacity, ratios, stack_kernel_sizes=kernel_sizes, stack_dilations=dilations, noise=noise)
    name = "blocks.GeneratorV2"
    noise = None
    if config.get(f"{name}.noise_module"):
        second = "blocks.NoiseGeneratorV2"
        numbers = (config.integer(f"{second}.noise_bands"), config.integer(f"{second}.hidden_size"))
        noise = NoiseSpec(2, config.integers(f"{second}.ratios"), *numbers)
    capacity, ratios = config.integer(f"{name}.capacity"), config.integers(f"{name}.ratios")
    modulated = bool(config.get(f"{name}.amplitude_modulation", False))
    shared = _dilated_fields(config, name, ratios)
    return DecoderSpec(2, capacity, ratios, amplitude_modulation=modulated, noise=noise, **shared)


def network_from_gin(config: Config, state_dict: dict[str, Tensor]) -> NetworkSpec:
    """Return the network that a configuration describes; RtraveError names what cannot be built."""
    config.check()
    encoder, decoder = encoder_from_gin(config), decoder_from_gin(config)
    regularisation = REGULARISERS[config.text("model.RAVE.encoder") or ""]
    bands = config.integer("pqmf.CachedPQMF.n_band")
    raw_input, raw_output = (config.get(f"model.RAVE.{end}_mode") == "raw" for end in ("input", "output"))
    quantization = "quantization.ResidualVectorQuantization"
    discrete = regularisation == "discrete"
    first = "encoder.encoder.net.0.weight"
    try:
        first_convolution = state_dict[first + ("_v" if encoder.weight_norm else "")]
        return NetworkSpec(
            encoder,
            decoder,
            latent_size=config.integer(f"blocks.Encoder{'V2' * (encoder.version == 2)}.latent_size"),
            regularisation=regularisation,
            noise_augmentation=_augmentation(config, regularisation),
            quantizers=config.integer(f"{quantization}.num_quantizers") if discrete else 0,
            codes=config.integer(f"{quantization}.codebook_size") if discrete else 0,
            bands=bands,
            raw_input=raw_input,
            raw_output=raw_output,
            analysis_taps=state_dict["pqmf.forward_conv.weight"].shape[2],
            synthesis_taps=state_dict["pqmf.inverse_conv.weight"].shape[2],
            padding=config.text("convs.get_padding.mode") or "centered",
            channels=max(first_convolution.shape[1] // (1 if raw_input else bands), 1),
        )
    except KeyError as error:
        raise RtraveError(
            f"'{config.path}': expected a checkpoint with {error}, got none: use that of this configuration"
        ) from error


def _augmentation(config: Config, regularisation: str) -> int:
    name = {"wasserstein": "WasserteinEncoder", "discrete": "DiscreteEncoder"}.get(regularisation, "")
    key = f"blocks.{name}.noise_augmentation"
    return config.integer(key) if config.get(key) else 0
