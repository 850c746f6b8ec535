"""The recipes that come along can be used, and say what they are."""

import pytest

from rtrave.model.architectures import architecture_of
from rtrave.train.initial import new_model
from rtrave.train.recipe import load_recipe, recipe_names


def test_there_are_some():
    assert {"lean", "brave", "v2"} <= set(recipe_names())


@pytest.mark.parametrize("name", ["lean", "brave"])
def test_a_model_of_it(name):
    recipe = load_recipe(name)
    model = new_model(recipe, "x", 44100, 1, 0)
    assert model.spec.architecture == recipe.architecture and model.spec.causal
    again = new_model(recipe, "x", 44100, 1, 0)
    weights, same = model.state_dict(), again.state_dict()
    assert all(bool((weights[key] == same[key]).all()) for key in weights)


def test_the_published_one_is_rave():
    recipe = load_recipe("v2")
    network = recipe.network(1)
    assert architecture_of(network) == "v2" and network.encoder.capacity == 96
    assert (recipe.loss, recipe.discriminator_every, recipe.feature_matching) == ("published", 4, 20)
