"""A training run as RAVE leaves it: `config.gin` and Lightning checkpoints in folders below it."""

from __future__ import annotations

from pathlib import Path

from rtrave.model.formats.build import build_model
from rtrave.model.formats.checkpoint import network_weights, read_checkpoint
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
    return build_model(network, name, sample_rate, path, network_weights(state_dict), checkpoint)
