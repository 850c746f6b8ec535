"""A training run's folder as RAVE leaves it: `config.gin` and a Lightning checkpoint.

The configuration is parsed, never executed; the checkpoint is read with `weights_only=True`, so no pickle runs code.
"""

from __future__ import annotations

import pickle
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from gin import config_parser
from torch import Tensor

from rtrave.errors import RtraveError
from rtrave.model.rave import Model, load_weights
from rtrave.model.spec import DecoderSpec, EncoderSpec, NetworkSpec, NoiseSpec

# Parts of a checkpoint that belong to training or can be derived.
NOT_LOADED = ("audio_distance.", "multiband_audio_distance.", "receptive_field", "encoder.warmed_up", "encoder.enabled")
DERIVED = ("pqmf.hk", "pqmf.h")
DERIVED_ENDINGS = (".target_size", "._codebook.inited", "._codebook.cluster_size", "._codebook.embed_avg")
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
    """Bindings of an operative gin file: "selector.argument" -> value, scopes dropped, macros resolved."""
    try:
        text = path.read_text(encoding="utf-8")
        statements = list(config_parser.ConfigParser(text, _Words()))
    except (OSError, SyntaxError, ValueError) as error:
        raise RtraveError(f"cannot read {path}: {str(error).splitlines()[0]}") from error
    bindings = [s for s in statements if isinstance(s, config_parser.BindingStatement)]
    macros = {s.selector: s.value for s in bindings if not s.arg_name}

    def resolve(value: Any) -> Any:
        if isinstance(value, str) and value.startswith("%"):
            return macros.get(value[1:])
        return value

    # Scoped bindings of training's discriminator repeat selectors of the network; the network's scopes are these two.
    return {
        f"{s.selector}.{s.arg_name}": resolve(s.value)
        for s in bindings
        if s.arg_name and s.scope in ("", "variational")
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


def read_checkpoint(path: Path) -> dict[str, Tensor]:
    """The state dict of a Lightning checkpoint."""
    if not zipfile.is_zipfile(path):  # what torch has written since 2020; anything else would be a bare pickle
        raise RtraveError(f"{path} is damaged or no checkpoint (not a torch archive): fetch it again")
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
        state_dict = checkpoint["state_dict"]
    except pickle.UnpicklingError as error:
        raise RtraveError(f"{path} holds more than weights, and is not opened: a pickle can run code") from error
    except (OSError, RuntimeError, EOFError, zipfile.BadZipFile, KeyError, TypeError, ValueError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise RtraveError(f"{path} is damaged or no checkpoint ({reason}): fetch it again") from error
    return _renamed({name: value for name, value in state_dict.items() if not name.startswith(NOT_LOADED)})


def _renamed(state_dict: dict[str, Tensor]) -> dict[str, Tensor]:
    """Weight norm's newer names as the older ones."""
    newer = {".parametrizations.weight.original0": ".weight_g", ".parametrizations.weight.original1": ".weight_v"}
    for new, old in newer.items():
        state_dict = {name.replace(new, old): value for name, value in state_dict.items()}
    return state_dict


def find_checkpoint(folder: Path) -> Path:
    """The best checkpoint of the latest version, or else the newest one."""
    found = sorted(folder.glob("version_*/checkpoints/*.ckpt"), key=lambda path: path.stat().st_mtime)
    if not found:
        raise RtraveError(f"{folder} holds no version_N/checkpoints/*.ckpt: give a RAVE run folder")
    best = [path for path in found if path.name.startswith("best")]
    return (best or found)[-1]


def load_run_folder(folder: Path) -> Model:
    """Read a run folder (`config.gin`, `version_N/checkpoints/*.ckpt`)."""
    config_path = folder / "config.gin"
    if not config_path.is_file():
        raise RtraveError(f"{folder} holds no config.gin: give a RAVE run folder")
    checkpoint = find_checkpoint(folder)
    state_dict = read_checkpoint(checkpoint)
    config = Config(read_gin(config_path), config_path)
    network = network_from_gin(config, state_dict)
    model = Model(network, folder.name, config.integer("model.RAVE.sampling_rate"), folder)
    load_weights(model, network_weights(state_dict), str(checkpoint))
    return model.eval()


def network_weights(state_dict: dict[str, Tensor]) -> dict[str, Tensor]:
    """The entries that a model holds itself."""
    return {
        name: value
        for name, value in state_dict.items()
        if name not in DERIVED and not name.endswith(DERIVED_ENDINGS) and not name.startswith("discriminator.")
    }
