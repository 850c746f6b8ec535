"""Training on generated sounds: the loss falls, both phases run, and the model streams and exports."""

import json
from dataclasses import replace

import numpy as np
import onnxruntime
import pytest
import torch

import rtrave
from rtrave.cli import main
from rtrave.export.onnx_files import export_onnx
from rtrave.layers.contract import relative_error
from rtrave.train.corpus import open_corpus
from rtrave.train.initial import new_model
from rtrave.train.recipe import load_recipe
from rtrave.train.trainer import Trainer
from tests.train.sounds import advance, recipe_file, sound_folder, tones

STEPS = 200
SHARE = 0.8  # most of the first steps' loss that the last steps may have


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("learns")
    sounds = sound_folder(folder / "sounds")
    recipe = recipe_file(folder, "phase_2 = 0.9\ndiscriminator_capacity = 2\nwhitening = 0.02\naverage = 0.9\n")
    arguments = ["train", str(sounds), "--config", str(recipe), "--threads", "1"]
    assert main([*arguments, "--out", str(folder / "run"), "--steps", "60", "--name", "tones"]) == 0
    return folder


def curve(path):
    return [json.loads(line) for line in (path / "curve.jsonl").read_text().splitlines()]


def test_the_loss_falls(run):
    recipe = load_recipe(str(recipe_file(run)))
    trainer = Trainer(new_model(recipe, "x", 44100, 1, 0), recipe, 0)
    corpus = open_corpus(run / "run")
    distances = [advance(trainer, corpus, step / STEPS)["distance"] for step in range(STEPS)]
    assert np.mean(distances[-20:]) < SHARE * np.mean(distances[:20])


def test_the_period_loss_has_its_weight(run):
    corpus = open_corpus(run / "run")

    def first_losses(**more):
        recipe = replace(load_recipe(str(recipe_file(run))), **more)
        return advance(Trainer(new_model(recipe, "x", 44100, 1, 0), recipe, 0), corpus, 0.2)

    without, full = first_losses(), first_losses(period=0.25)
    assert "period" not in without
    assert full["distance"] == pytest.approx(without["distance"] + 0.25 * full["period"], rel=1e-5)


def test_phase_2_trains_with_the_discriminator(run):
    last = curve(run / "run")[-1]
    assert last["step"] == 60 and last["phase"] == 2
    assert "feature_matching" in last or "discriminator" in last


def test_the_model_streams(run):
    model = rtrave.load(run / "run" / "tones.safetensors")
    assert model.spec.name == "tones" and model.spec.causal and model.spec.ratio == 2048
    assert model.fidelity[-1] == 1 and bool((model.fidelity.diff() >= 0).all())
    pca = model.latent_pca
    assert float((pca @ pca.T - torch.eye(4)).abs().max()) < 1e-5
    x = tones(2)[: 2048 * 40].astype(np.float32)[None, None]
    stream = rtrave.stream(model, backend="torch")
    streamed = np.concatenate([stream.process(x[..., i : i + 2048]) for i in range(0, x.shape[2], 2048)], axis=2)
    with torch.no_grad():
        offline = model(torch.from_numpy(x)).numpy()
    delay, start = model.spec.delay, 2048 * 16
    expected = torch.from_numpy(offline[..., start : offline.shape[2] - delay])
    assert relative_error(torch.from_numpy(streamed[..., start + delay :]), expected) < 1e-3


def test_it_exports(run, tmp_path):
    written = export_onnx(rtrave.load(run / "run" / "tones.safetensors"), tmp_path)
    graphs = [path for path in written if path.suffix == ".onnx"]
    assert graphs and all(onnxruntime.InferenceSession(path).get_inputs() for path in graphs)


def test_examples_are_written(run):
    names = {path.name for path in (run / "run" / "examples").iterdir()}
    assert names == {"original.flac", "step-0000060.flac"}


def test_starting_from_another_model(run, tmp_path):
    arguments = ["train", str(run / "sounds"), "--config", str(run / "recipe.toml"), "--steps", "1"]
    assert main([*arguments, "--out", str(tmp_path / "on"), "--from", str(run / "run" / "tones.safetensors")]) == 0
    last = curve(run / "run")[-1]
    assert curve(tmp_path / "on")[-1]["held_out"] == pytest.approx(last["held_out"], rel=0.2)
