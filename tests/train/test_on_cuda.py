"""Training on a graphics card: nearly the losses of the processor, with other random draws."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from rtrave.cli import main
from rtrave.train.corpus import gather
from rtrave.train.initial import new_model
from rtrave.train.recipe import load_recipe
from rtrave.train.trainer import Trainer
from tests.train.sounds import RATE, advance, recipe_file, sound_folder

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a graphics card")
MORE = "level = 0.5\nperiod = 0.3\nwhitening = 0.02\naverage = 0.9\ndiscriminator_capacity = 2\n"
SHARE = 0.8  # most of the first steps' loss that the last steps may have


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cuda")
    sound_folder(folder / "sounds")
    return folder


def test_losses_of_a_step_are_close_to_those_of_the_processor(folder):
    recipe = load_recipe(str(recipe_file(folder, MORE)))
    corpus = gather([folder / "sounds"], folder, RATE, 1, lambda *_: None)
    losses = []
    for device in ("cpu", "cuda"):
        model = new_model(recipe, "x", RATE, 1, 0)
        losses.append(advance(Trainer(model, recipe, 0, device), corpus, 0.0))
    assert losses[0].keys() == losses[1].keys()
    assert losses[1]["divergence"] == pytest.approx(losses[0]["divergence"], rel=1e-2)
    assert losses[1]["distance"] == pytest.approx(losses[0]["distance"], rel=5e-2)  # the devices draw differently


def test_the_loss_falls(folder):
    recipe = replace(load_recipe(str(recipe_file(folder, MORE))), bfloat16=True)
    corpus = gather([folder / "sounds"], folder, RATE, 1, lambda *_: None)
    trainer = Trainer(new_model(recipe, "x", RATE, 1, 0), recipe, 0, "cuda")
    distances = [advance(trainer, corpus, step / 200)["distance"] for step in range(200)]
    assert np.mean(distances[-20:]) < SHARE * np.mean(distances[:20])


def test_both_phases_run_and_resume(folder):
    recipe = recipe_file(folder, MORE + "phase_2 = 0.5\nbfloat16 = true\n")
    run = folder / "run"
    arguments = ["train", str(folder / "sounds"), "--config", str(recipe), "--device", "cuda", "--out", str(run)]
    assert main([*arguments, "--steps", "20"]) == 0
    assert main(["train", "--resume", "--device", "cuda", "--out", str(run), "--steps", "40"]) == 0
    last = json.loads((run / "curve.jsonl").read_text().splitlines()[-1])
    assert last["step"] == 40 and last["phase"] == 2 and np.isfinite(last["held_out"])
