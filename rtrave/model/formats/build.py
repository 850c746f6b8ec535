"""A model from a network's description and the weights that came with it."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from rtrave.errors import RtraveError
from rtrave.model.rave import Model
from rtrave.model.spec import NetworkSpec
from rtrave.model.weights import load_weights


def build_model(
    network: NetworkSpec, name: str, sample_rate: int, source: Path, weights: Mapping[str, Tensor], origin: Path
) -> Model:
    """Build a network and fill it with weights; RtraveError, one line, where the two do not fit.

    Names and shapes are held together before any memory is taken: a configuration may ask for any size.

    Parameters
    ----------
    origin : Path
        The file of the weights, for messages.
    """
    try:
        with torch.device("meta"):
            outline = Model(network, name, sample_rate, source)
    except (ArithmeticError, IndexError, MemoryError, RuntimeError, TypeError, ValueError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise RtraveError(f"{source} describes no network that can be built ({reason})") from error
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that an outline keeps no values is what it is for
        load_weights(outline, weights, str(origin))
    model = Model(network, name, sample_rate, source)
    load_weights(model, weights, str(origin))
    return model.eval()
