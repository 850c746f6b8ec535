"""The model that a training starts from."""

from __future__ import annotations

import torch

from rtrave.errors import RtraveError
from rtrave.layers.pqmf_design import bank_weights
from rtrave.model.rave import Model
from rtrave.train.recipe import Recipe


def new_model(recipe: Recipe, name: str, sample_rate: int, channels: int, seed: int) -> Model:
    """A model with the recipe's network and filter bank, weights drawn from the seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = Model(recipe.network(channels), name, sample_rate)
    analysis, synthesis = bank_weights(model.network.bands, recipe.attenuation_db)
    weights = {"forward_conv.weight": torch.from_numpy(analysis), "inverse_conv.weight": torch.from_numpy(synthesis)}
    model.pqmf.load_state_dict(weights)
    return model


def check_start(model: Model, recipe: Recipe) -> None:
    """Refuse a model that a training cannot go on from."""
    network = model.network
    if network.regularisation != "variational":
        raise RtraveError(f"{model.name} is {network.regularisation}: only variational models are trained here")
    if recipe.samples % network.ratio:
        raise RtraveError(f"samples = {recipe.samples} is no multiple of the ratio {network.ratio} of {model.name}")
