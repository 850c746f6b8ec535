"""The configuration of a training run, `config.gin`, as a network. It is parsed, never executed."""

from __future__ import annotations

import tokenize
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gin import config_parser
from torch import Tensor

from rtrave.errors import RtraveError
from rtrave.model.spec import DecoderSpec, EncoderSpec, NetworkSpec, NoiseSpec

NETWORK_SCOPES = ("", "variational")
REGULARISERS = {
    "@blocks.VariationalEncoder": "variational",
    "@blocks.WasserteinEncoder": "wasserstein",
    "@blocks.SphericalEncoder": "spherical",
    "@blocks.DiscreteEncoder": "discrete",
}
ACTIVATIONS = {None: "leaky_relu", "@blocks.Snake": "snake"}
# What is built: binding -> the values it may have (None: absent or None).
BUILDABLE: dict[str, tuple[Any, ...]] = {
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
    """Keep references and macros as the words they are written with; nothing is imported or called."""

    def configurable_reference(self, scoped_configurable_name: str, evaluate: bool) -> str:
        return f"@{scoped_configurable_name}{'()' * evaluate}"

    def macro(self, macro_name: str) -> str:
        return f"%{macro_name}"


def read_gin(path: Path) -> dict[str, Any]:
    """Bindings of an operative gin file, macros resolved: "selector.argument" -> value.

    Scopes of training's discriminator repeat selectors of the network; they stay: "scales/selector.argument".
    """
    try:
        text = path.read_text(encoding="utf-8")
        statements = list(config_parser.ConfigParser(text, _Words()))
    except (OSError, SyntaxError, ValueError, tokenize.TokenError, RecursionError) as error:
        raise RtraveError(f"cannot read {path}: {(str(error).splitlines() or ['damaged'])[0]}") from error
    bindings = [s for s in statements if isinstance(s, config_parser.BindingStatement)]
    macros = {s.selector: s.value for s in bindings if not s.arg_name}

    def resolve(value: Any) -> Any:
        if isinstance(value, str) and value.startswith("%"):
            return macros.get(value[1:])
        return value

    return {
        f"{'' if s.scope in NETWORK_SCOPES else s.scope + '/'}{s.selector}.{s.arg_name}": resolve(s.value)
        for s in bindings
        if s.arg_name
    }


@dataclass(frozen=True)
class Config:
    """The bindings of a run, read with the checks that its user needs to hear about."""

    bindings: dict[str, Any]
    path: Path

    def check(self) -> None:
        """Refuse by name what cannot be built."""
        for key, allowed in BUILDABLE.items():
            value = self.bindings.get(key)
            if value not in allowed:
                known = ", ".join(str(item) for item in allowed if item is not None) or "none"
                raise RtraveError(f"{self.path}: {key} = {value} cannot be built (known: {known})")

    def get(self, key: str, default: Any = None) -> Any:
        """A binding, or the default where it is absent."""
        return self.bindings.get(key, default)

    def integer(self, key: str) -> int:
        """A positive whole number that must be there."""
        value = self.bindings.get(key)
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise RtraveError(f"{self.path}: {key} is {value!r}, a positive whole number was expected")
        return value

    def integers(self, key: str) -> tuple[Any, ...]:
        """A list of positive whole numbers, or of such lists, that must be there."""

        def read(value: Any) -> Any:
            if isinstance(value, list) and value:
                return tuple(read(item) for item in value)
            if isinstance(value, int) and not isinstance(value, bool) and value > 0:
                return value
            raise RtraveError(f"{self.path}: {key} is {self.bindings.get(key)!r}, a list of whole numbers was expected")

        found = read(self.bindings.get(key))
        return found if isinstance(found, tuple) else (found,)


def encoder_from_gin(config: Config) -> EncoderSpec:
    """The encoder that a configuration describes."""
    version = 2 if "blocks.EncoderV2.capacity" in config.bindings else 1
    name = "blocks.EncoderV2" if version == 2 else "blocks.Encoder"
    capacity, ratios = config.integer(f"{name}.capacity"), config.integers(f"{name}.ratios")
    if version == 1:
        return EncoderSpec(1, capacity, ratios, weight_norm=False)
    return EncoderSpec(version, capacity, ratios, **_second_version(config, name, ratios))


def _second_version(config: Config, name: str, ratios: tuple[int, ...]) -> dict[str, Any]:
    dilations = config.integers(f"{name}.dilations")
    if not isinstance(dilations[0], tuple):
        dilations = (dilations,) * len(ratios)
    if len(dilations) != len(ratios):
        raise RtraveError(f"{config.path}: {name} has ratios {ratios} and dilations {dilations}, which do not fit")
    return {
        "kernel_size": config.integer(f"{name}.kernel_size"),
        "dilations": dilations,
        "keep_dim": bool(config.get(f"{name}.keep_dim", False)),
        "activation": ACTIVATIONS[config.get(f"{name}.activation")],
        "adain": config.get(f"{name}.adain") is not None,
    }


def decoder_from_gin(config: Config) -> DecoderSpec:
    """The decoder that a configuration describes."""
    if config.get("model.RAVE.decoder") == "@blocks.Generator":
        noise = None
        if config.get("blocks.Generator.use_noise", True):
            noise = NoiseSpec(
                1, config.integers("blocks.NoiseGenerator.ratios"), config.integer("blocks.NoiseGenerator.noise_bands")
            )
        kernel_sizes = config.integers("blocks.ResidualStack.kernel_sizes")
        dilations = config.integers("blocks.ResidualStack.dilations_list")
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
    shared = _second_version(config, name, ratios)
    return DecoderSpec(2, capacity, ratios, amplitude_modulation=modulated, noise=noise, **shared)


def network_from_gin(config: Config, state_dict: dict[str, Tensor]) -> NetworkSpec:
    """The network that a configuration describes; what cannot be built is refused by name."""
    config.check()
    encoder, decoder = encoder_from_gin(config), decoder_from_gin(config)
    regularisation = REGULARISERS[config.get("model.RAVE.encoder")]
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
            padding=config.get("convs.get_padding.mode") or "centered",
            channels=max(first_convolution.shape[1] // (1 if raw_input else bands), 1),
        )
    except KeyError as error:
        raise RtraveError(
            f"the checkpoint beside {config.path} lacks {error}: it is not of this configuration"
        ) from error


def _augmentation(config: Config, regularisation: str) -> int:
    name = {"wasserstein": "WasserteinEncoder", "discrete": "DiscreteEncoder"}.get(regularisation, "")
    return int(config.get(f"blocks.{name}.noise_augmentation") or 0)
