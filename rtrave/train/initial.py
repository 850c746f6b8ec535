"""The initial model of a training run."""

from __future__ import annotations

import torch

from rtrave.errors import RtraveError
from rtrave.layers.pqmf_design import bank_weights
from rtrave.model.rave import Model
from rtrave.train.recipe import Recipe


def new_model(recipe: Recipe, name: str, sample_rate: int, channels: int, seed: int) -> Model:
    """Build the recipe's network and filter bank, with weights drawn from the seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = Model(recipe.network(channels), name, sample_rate)
    analysis, synthesis = bank_weights(model.network.bands, recipe.attenuation_db)
    weights = {"forward_conv.weight": torch.from_numpy(analysis), "inverse_conv.weight": torch.from_numpy(synthesis)}
    model.pqmf.load_state_dict(weights)
    return model


def check_start(model: Model, recipe: Recipe) -> None:
    """Raise RtraveError if the recipe cannot train a given model."""
    network = model.network
    if network.regularisation != "variational":
        raise RtraveError(
            f"{model.name}: expected a variational model, got a {network.regularisation} one: rtrave trains no others"
        )
    if recipe.samples % network.ratio:
        raise RtraveError(
            f"samples: expected a multiple of {network.ratio}, the ratio of {model.name}, got {recipe.samples}: "
            "change the recipe"
        )
