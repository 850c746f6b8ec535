"""Every variational architecture trains in both phases, mono and stereo, with both losses, and then streams."""

import numpy as np
import pytest
import torch

import rtrave
from rtrave.model.architectures import architecture_names, load_architecture
from rtrave.train.corpus import Corpus, Sound
from rtrave.train.initial import new_model
from rtrave.train.recipe import read_recipe
from rtrave.train.trainer import Trainer
from tests.train.sounds import RATE, advance, tones

VARIATIONAL = [n for n in architecture_names() if load_architecture(n).regularisation == "variational"]


def corpus_of(channels):
    x = np.stack([tones(2, seed) for seed in range(channels)], axis=1).astype(np.float32)
    return Corpus(x, (Sound("x", 0, len(x), 0),), RATE)


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("name", VARIATIONAL)
def test_it_trains(name, channels):
    loss = "published" if channels == 2 else "lean"
    record = {"architecture": name, "capacity": 4, "latent_size": 4, "attenuation_db": 40, "batch": 2, "loss": loss}
    record |= {"samples": 8192, "windows": [512, 128], "windows_per_step": 2, "phase_2": 0.5}
    recipe = read_recipe(record | {"discriminator_capacity": 2, "bfloat16": channels == 1, "average": 0.5}, name)
    trainer = Trainer(new_model(recipe, name, RATE, channels, 0), recipe, 0)
    encoder = [p.detach().clone() for p in trainer.model.encoder.parameters()]
    corpus = corpus_of(channels)
    losses = [advance(trainer, corpus, step / 8) for step in range(8)]
    assert "divergence" in losses[3] and "divergence" not in losses[4]
    assert {"discriminator", "feature_matching"} <= losses[4].keys() | losses[5].keys()
    assert all(np.isfinite(list(values.values())).all() for values in losses)
    trained = zip(encoder, trainer.model.encoder.parameters(), strict=True)
    assert not any(torch.equal(before, after) for before, after in trained)
    model = trainer.result()
    block = model.network.ratio * model.frames_per_step
    y = rtrave.stream(model, backend="torch").process(np.zeros((1, channels, block), np.float32))
    assert y.shape == (1, channels, block) and np.isfinite(y).all()


def test_the_encoder_is_frozen_in_phase_2():
    record = {"capacity": 4, "latent_size": 4, "samples": 8192, "batch": 2, "windows": [512], "windows_per_step": 1}
    recipe = read_recipe(record | {"phase_2": 0.5, "discriminator_capacity": 2}, "x")
    trainer = Trainer(new_model(recipe, "x", RATE, 1, 0), recipe, 0)
    corpus = corpus_of(1)
    advance(trainer, corpus, 0.0)
    advance(trainer, corpus, 0.5)
    encoder = [p.detach().clone() for p in trainer.model.encoder.parameters()]
    decoder = [p.detach().clone() for p in trainer.model.decoder.parameters()]
    for _ in range(4):
        advance(trainer, corpus, 0.6)
    assert all(map(torch.equal, encoder, trainer.model.encoder.parameters()))
    assert not all(map(torch.equal, decoder, trainer.model.decoder.parameters()))
