"""Training runs of RAVE: `config.gin` and Lightning checkpoints in folders below it."""

from __future__ import annotations

import warnings
from pathlib import Path

from torch import Tensor

from rtrave.errors import RtraveError
from rtrave.model.discriminator import Discriminator
from rtrave.model.formats.build import build_model
from rtrave.model.formats.checkpoint import DISCRIMINATOR as PREFIX
from rtrave.model.formats.checkpoint import network_weights, read_checkpoint
from rtrave.model.formats.discriminator_views import read_views
from rtrave.model.formats.files import run_files
from rtrave.model.formats.gin import Config, network_from_gin, read_gin
from rtrave.model.rave import Model


def load_run_folder(path: Path) -> Model:
    """Read a run folder (`config.gin`, `version_N/checkpoints/*.ckpt`), or one checkpoint of it."""
    config_path, checkpoint = run_files(path)
    state_dict = read_checkpoint(checkpoint)
    config = Config(read_gin(config_path), config_path)
    network = network_from_gin(config, state_dict)
    sample_rate = config.integer("model.RAVE.sampling_rate")
    name = config_path.resolve().parent.name
    model = build_model(network, name, sample_rate, path, network_weights(state_dict), checkpoint)
    # Not as a submodule, so that playing, compiling, comparing and saving the model leave it out.
    object.__setattr__(model, "discriminator", _discriminator(config, state_dict, checkpoint))
    return model


def _discriminator(config: Config, state_dict: dict[str, Tensor], checkpoint: Path) -> Discriminator | None:
    """Return the discriminator of a checkpoint, if any; warn about one that cannot be read: playing needs none."""
    entries = {name.removeprefix(PREFIX): value for name, value in state_dict.items() if name.startswith(PREFIX)}
    if not entries:
        return None
    try:
        return Discriminator(entries, read_views(config, entries))
    except RtraveError as error:
        warnings.warn(f"'{checkpoint}': its discriminator is left out: {error}", stacklevel=4)
        return None
