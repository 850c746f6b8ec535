"""A training run's folder as RAVE leaves it: `config.gin` and a Lightning checkpoint.

The configuration is parsed, never executed; the checkpoint is read with `weights_only=True`, so no pickle runs code.
"""

from __future__ import annotations

import pickle
import zipfile
from pathlib import Path
from typing import Any

import torch
from gin import config_parser
from torch import Tensor

from rtrave.errors import RtraveError
from rtrave.model.rave import Model, load_weights
from rtrave.model.spec import NetworkSpec

# Parts of a checkpoint that belong to training or can be derived.
NOT_LOADED = ("discriminator.", "audio_distance.", "multiband_audio_distance.", "receptive_field", "encoder.warmed_up")
DERIVED_FILTERS = ("pqmf.hk", "pqmf.h")
# What this version builds: binding -> the value it must have (None: absent or None).
BUILDABLE: dict[str, Any] = {
    "convs.get_padding.mode": "causal",
    "model.RAVE.encoder": "@blocks.VariationalEncoder",
    "model.RAVE.decoder": "@blocks.GeneratorV2",
    "model.RAVE.input_mode": "pqmf",
    "model.RAVE.output_mode": "pqmf",
    "model.RAVE.spectrogram": None,
    "blocks.normalization.mode": "weight_norm",
    "cc.Conv1d.bias": False,
    "cc.ConvTranspose1d.bias": False,
    "blocks.GeneratorV2.amplitude_modulation": True,
    "blocks.GeneratorV2.keep_dim": False,
    "blocks.GeneratorV2.noise_module": None,
    "blocks.GeneratorV2.recurrent_layer": None,
    "blocks.GeneratorV2.adain": None,
    "blocks.EncoderV2.keep_dim": False,
    "blocks.EncoderV2.recurrent_layer": None,
    "blocks.EncoderV2.adain": None,
    "blocks.EncoderV2.n_out": 2,
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


def _integer(config: dict[str, Any], key: str, path: Path) -> int:
    value = config.get(key)
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise RtraveError(f"{path}: {key} is {value!r}, a positive whole number was expected")
    return value


def network_from_gin(config: dict[str, Any], state_dict: dict[str, Tensor], path: Path) -> NetworkSpec:
    """The network that a configuration describes; what cannot be built is refused by name."""
    for key, wanted in BUILDABLE.items():
        value = config.get(key, wanted if key.startswith(("cc.", "blocks.EncoderV2", "blocks.GeneratorV2")) else None)
        if value != wanted:
            raise RtraveError(f"{path}: {key} = {value} cannot be built by this version (only {wanted} can)")
    ratios, dilations = config.get("blocks.EncoderV2.ratios"), config.get("blocks.EncoderV2.dilations")
    if not isinstance(ratios, list) or not isinstance(dilations, list) or len(ratios) != len(dilations):
        raise RtraveError(f"{path}: ratios {ratios} and dilations {dilations} do not fit each other")
    bands = _integer(config, "pqmf.CachedPQMF.n_band", path)
    try:
        return NetworkSpec(
            bands=bands,
            analysis_taps=state_dict["pqmf.forward_conv.weight"].shape[2],
            synthesis_taps=state_dict["pqmf.inverse_conv.weight"].shape[2],
            capacity=_integer(config, "blocks.EncoderV2.capacity", path),
            kernel_size=_integer(config, "blocks.EncoderV2.kernel_size", path),
            ratios=tuple(int(ratio) for ratio in ratios),
            dilations=tuple(tuple(int(d) for d in row) for row in dilations),
            latent_size=_integer(config, "blocks.EncoderV2.latent_size", path),
            channels=max(state_dict["encoder.encoder.net.0.weight_v"].shape[1] // bands, 1),
            weight_norm=True,
        )
    except KeyError as error:
        raise RtraveError(f"the checkpoint beside {path} lacks {error}: it is not of this configuration") from error


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
    return {name: value for name, value in state_dict.items() if not name.startswith(NOT_LOADED)}


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
    config = read_gin(config_path)
    network = network_from_gin(config, state_dict, config_path)
    sample_rate = _integer(config, "model.RAVE.sampling_rate", config_path)
    model = Model(network, folder.name, sample_rate, folder)
    weights = {name: value for name, value in state_dict.items() if name not in DERIVED_FILTERS}
    load_weights(model, weights, str(checkpoint))
    return model.eval()
