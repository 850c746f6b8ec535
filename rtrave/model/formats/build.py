"""Models built from the description of a network and its weights."""

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
    """Build a network and load its weights.

    Names and shapes are compared before memory is allocated, since a configuration can ask for any size.

    Parameters
    ----------
    source, origin : Path
        Files of the model and of its weights, for messages.

    Raises
    ------
    RtraveError
        The network cannot be built, or the weights do not fit it.
    """
    try:
        with torch.device("meta"):
            outline = Model(network, name, sample_rate, source)
    except (ArithmeticError, IndexError, MemoryError, RuntimeError, TypeError, ValueError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise RtraveError(f"'{source}': expected a network, got one that cannot be built ({reason})") from error
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # loading into a model on "meta" does nothing, which is intended
        load_weights(outline, weights, str(origin))
    model = Model(network, name, sample_rate, source)
    load_weights(model, weights, str(origin))
    return model.eval()
