"""Weights of a Lightning checkpoint, read with `weights_only=True`, so that no pickle runs code."""

from __future__ import annotations

import pickle
import zipfile
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from rtrave.errors import RtraveError
from rtrave.model.formats.archive import check_checkpoint

# Entries of a state dict that belong to training or are derived from others.
NOT_LOADED = ("audio_distance.", "multiband_audio_distance.", "receptive_field", "encoder.warmed_up", "encoder.enabled")
DERIVED = ("pqmf.hk", "pqmf.h")
DERIVED_ENDINGS = (".target_size", "._codebook.inited", "._codebook.cluster_size", "._codebook.embed_avg")
DISCRIMINATOR = "discriminator."
# Newer names of weight norm -> the older ones of RAVE's checkpoints.
NEWER_NAMES = {".parametrizations.weight.original0": ".weight_g", ".parametrizations.weight.original1": ".weight_v"}


def read_checkpoint(path: Path) -> dict[str, Tensor]:
    """Return the weights of a Lightning checkpoint: its state dict, updated by its averaged weights (EMA), if any.

    Raises
    ------
    RtraveError
        The file is no checkpoint, damaged, or holds more than weights. None of its code has run.
    """
    check_checkpoint(path)
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
        averaged = (checkpoint.get("callbacks") or {}).get("EMA") or {}
        state_dict = {**_tensors(checkpoint["state_dict"]), **_tensors(averaged)}
    except pickle.UnpicklingError as error:
        raise RtraveError(f"'{path}': expected weights alone, got other objects: a pickle can run code") from error
    except (
        OSError, RuntimeError, EOFError, zipfile.BadZipFile, KeyError, TypeError, ValueError, AttributeError, IndexError
    ) as error:  # fmt: skip
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise RtraveError(f"'{path}': expected a checkpoint, got a damaged file ({reason}): fetch it again") from error
    return {name: value for name, value in state_dict.items() if not name.startswith(NOT_LOADED)}


def _tensors(entries: Mapping[object, object]) -> dict[str, Tensor]:
    """Return the entries by name, with the older names of weight norm."""
    found = {}
    for name, value in entries.items():
        if not isinstance(name, str) or not isinstance(value, Tensor):
            raise TypeError(f"{name!r}: expected a tensor, got {type(value).__name__}")
        for newer, older in NEWER_NAMES.items():
            name = name.replace(newer, older)
        found[name] = value
    return found


def network_weights(state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the entries that belong to the network of a model."""
    return {
        name: value
        for name, value in state_dict.items()
        if name not in DERIVED and not name.endswith(DERIVED_ENDINGS) and not name.startswith(DISCRIMINATOR)
    }
