"""Batches that workers draw ahead equal those drawn step by step, from any step on."""

import pytest
import torch

from rtrave.train.batches import batches, draw_batch
from rtrave.train.corpus import gather, open_corpus
from rtrave.train.recipe import load_recipe
from tests.train.sounds import RATE, recipe_file, sound_folder


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    run = tmp_path_factory.mktemp("run")
    gather([sound_folder(run / "sounds")], run, RATE, 1, lambda *_: None)
    return run


@pytest.mark.parametrize("workers", [0, 2])
def test_batches_do_not_depend_on_workers(run, workers):
    recipe = load_recipe(str(recipe_file(run, "[augmentation]\ngain = 0.5\npitch = 0.5\ntone = 0.5\n")))
    corpus = open_corpus(run)
    feed = batches(run, recipe, 5, 7, workers)
    for step in range(7, 20):
        assert torch.equal(next(feed), draw_batch(corpus, recipe, 5, step))


def test_steps_and_seeds_differ(run):
    recipe = load_recipe(str(recipe_file(run)))
    first = next(batches(run, recipe, 5, 7))
    assert first.shape == (recipe.batch, 1, recipe.samples) and first.dtype == torch.float32
    assert not torch.equal(first, next(batches(run, recipe, 5, 8)))
    assert not torch.equal(first, next(batches(run, recipe, 6, 7)))
