"""The measured delays equal those that each model reports, and do not depend on them."""

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
    """The receptive fields are those of four times RAVE's dilations, and unbounded."""
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
    """The faulty step resets its state at every block."""
    real = Model.decode_step

    def stateless(self, z, state, draws=None, compensate=True):
        y, _ = real(self, z, state, draws, compensate)
        return y, self.initial_state("decoder", z.shape[0])

    assert measure(tiny_model()).streaming
    monkeypatch.setattr(Model, "decode_step", stateless)
    assert not measure(tiny_model()).streaming


def test_the_measurement_ignores_reported_delays(monkeypatch):
    truth = measure(tiny_model())
    monkeypatch.setattr(Model, "encoder_delay", lambda self: 64)
    monkeypatch.setattr(Model, "decoder_delay", lambda self: 7)
    measured = measure(tiny_model())
    assert (measured.delay, measured.acoustic_delay) == (truth.delay, truth.acoustic_delay)
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
    # a loud part outside the compared range must not change the fit
    late[:, 1500:] *= 50
    assert best_shift(late, draw, 900) == shift
