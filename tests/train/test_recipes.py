"""The packaged recipes, inheritance with `like`, and errors in recipe files."""

from dataclasses import replace

import pytest

from rtrave.errors import RtraveError
from rtrave.model.architectures import architecture_of
from rtrave.train.initial import new_model
from rtrave.train.recipe import load_recipe, recipe_names


def test_packaged_recipes():
    assert {"lean", "refine", "cuda", "brave", "v2"} <= set(recipe_names())


@pytest.mark.parametrize("name", ["lean", "brave"])
def test_a_recipe_builds_a_reproducible_model(name):
    recipe = load_recipe(name)
    model = new_model(recipe, "x", 44100, 1, 0)
    assert model.spec.architecture == recipe.architecture and model.spec.causal
    again = new_model(recipe, "x", 44100, 1, 0)
    weights, same = model.state_dict(), again.state_dict()
    assert all(bool((weights[key] == same[key]).all()) for key in weights)


def test_like_inherits_from_a_packaged_recipe(tmp_path):
    lean = load_recipe("lean")
    assert load_recipe("cuda") == replace(lean, batch=128, last_learning_rate=2e-5)
    rates = {"learning_rate": 4e-4, "last_learning_rate": 1e-5, "kl_warm_up": 0.0}
    assert load_recipe("refine") == replace(lean, period=2.0, **rates)
    path = tmp_path / "lean.toml"  # a file with the name of a packaged recipe is a file nevertheless
    path.write_text('like = "lean"\nperiod = 0.2\n[augmentation]\ntone = 0.0\n')
    assert load_recipe(str(path)) == replace(lean, period=0.2, augmentation=replace(lean.augmentation, tone=0.0))


@pytest.mark.parametrize("like", ["'none'", "['lean']", "3", "'mine'"])
def test_like_needs_the_name_of_a_packaged_recipe(tmp_path, like):
    path = tmp_path / "mine.toml"
    path.write_text(f"like = {like}\n")
    with pytest.raises(RtraveError, match=r"mine\.toml: like: expected one of .*, got"):
        load_recipe(str(path))


@pytest.mark.parametrize(
    "line",
    [
        'batch = "8"',
        "batch = 8.5",
        "windows = 2048",
        'windows = ["2048"]',
        "bfloat16 = 1",
        "level = true",
        "augmentation = 3",
        "augmentation = { tone = [1] }",
        "augmentation = { gain_db = -3 }",
    ],
)
def test_a_value_of_a_wrong_type(tmp_path, line):
    path = tmp_path / "mine.toml"
    path.write_text(f'like = "lean"\n{line}\n')
    with pytest.raises(RtraveError, match=r"mine\.toml: .*: expected .*, got"):
        load_recipe(str(path))


def test_the_published_recipe_has_the_values_of_rave():
    recipe = load_recipe("v2")
    network = recipe.network(1)
    assert architecture_of(network) == "v2" and network.encoder.capacity == 96
    assert (recipe.loss, recipe.discriminator_every, recipe.feature_matching) == ("published", 4, 20)
