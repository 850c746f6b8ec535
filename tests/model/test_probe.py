"""What the doctor measures equals what each model reports, and it finds a model that reports something else."""

import dataclasses

import numpy as np
import pytest
import torch

from rtrave.model import probe
from rtrave.model.formats.load import load
from rtrave.model.probe import best_shift, measure
from rtrave.model.rave import Model
from rtrave.streaming.open_stream import stream
from tests.reference import CASES, DATA
from tests.tiny import learning_model, tiny_model, wide_model


@pytest.mark.parametrize("case", CASES)
def test_delays_are_as_reported_to_the_sample(case):
    model = load(DATA / case)
    measured = measure(model)
    assert measured.delay == model.spec.delay
    assert measured.acoustic_delay == model.spec.acoustic_delay
    assert measured.streaming
    assert np.isfinite(measured.silence_peak)


@pytest.mark.parametrize("make", [wide_model, learning_model])
def test_unusual_receptive_fields_are_measured(make):
    """Four times RAVE's dilations, and statistics without a bound."""
    model = make()
    measured = measure(model)
    assert (measured.encoder_delay, measured.decoder_delay) == (model.encoder_delay(), model.decoder_delay())
    assert measured.partition_error < 1e-4


@pytest.mark.parametrize("case", CASES)
@torch.no_grad()
def test_silence_stays_finite(case):
    model = load(DATA / case)
    x = np.zeros((1, model.spec.channels, 4 * model.spec.ratio), np.float32)
    z = model.encode(torch.from_numpy(x), postprocess=True)
    assert torch.isfinite(z).all()
    assert torch.isfinite(model.decode(z, preprocess=True)).all()
    assert torch.isfinite(model(torch.from_numpy(x))).all()
    live = stream(model, backend="torch")
    assert np.isfinite(live.process(x)).all()
    assert torch.isfinite(model.postprocess(torch.from_numpy(live.encode(x)))).all()


def test_a_seam_is_found(monkeypatch):
    """A step that forgets its state at every block."""
    real = Model.decode_step

    def forgetful(self, z, state, draws=None, compensate=True):
        y, _ = real(self, z, state, draws, compensate)
        return y, self.initial_state("decoder", z.shape[0])

    assert measure(tiny_model()).streaming
    monkeypatch.setattr(Model, "decode_step", forgetful)
    assert not measure(tiny_model()).streaming


def test_nothing_is_taken_from_what_is_reported(monkeypatch):
    truth = measure(tiny_model())
    monkeypatch.setattr(Model, "encoder_delay", lambda self: 64)
    monkeypatch.setattr(Model, "decoder_delay", lambda self: 7)
    told = measure(tiny_model())
    assert (told.delay, told.acoustic_delay) == (truth.delay, truth.acoustic_delay)
    assert truth.delay > 7


def test_a_bank_on_one_side_is_not_measured():
    network = dataclasses.replace(tiny_model().network, raw_output=True)
    model = type("Half", (), {"network": network})()
    assert probe.measure_bank_delay(model, torch.Generator()) is None


@pytest.mark.parametrize("shift", [0, 1, 17, 400])
def test_best_shift(shift):
    draw = np.random.default_rng(shift).standard_normal((2, 2000))
    late = np.concatenate((np.zeros((2, shift)), draw), axis=1)[:, :2000]
    assert best_shift(late, draw, 500) == shift
    # a loud stranger far away must not draw the fit to itself
    late[:, 1500:] *= 50
    assert best_shift(late, draw, 900) == shift
