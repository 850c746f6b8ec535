"""Evaluation of a model on whole clips: alignment, components, silence, stream, and errors."""

import numpy as np
import pytest
import soundfile
import torch

from rtrave.errors import RtraveError
from rtrave.model.formats.load import load
from rtrave.train import components
from rtrave.train import evaluate as module
from rtrave.train.components import latent_statistics
from rtrave.train.evaluate import evaluate
from tests.reference import DATA, peak_error
from tests.tiny import tiny_model
from tests.train.tones import tone

IGNORED = 2  # the latent dimension that the decoder of the test model ignores


@pytest.fixture(autouse=True)
def short(monkeypatch):
    monkeypatch.setattr(module, "STREAM_SAMPLES", 24000)
    monkeypatch.setattr(components, "PUSH_SAMPLES", 8192)


@pytest.fixture(scope="module")
def model():
    """A tiny model whose decoder ignores one of its latents."""
    model = tiny_model()
    with torch.no_grad():
        model.latent_pca.copy_(torch.eye(4))
        first = next(module for module in model.decoder.modules() if getattr(module, "weight_v", None) is not None)
        assert first.weight_v.shape[1] == 4
        first.weight_v[:, IGNORED] = 0
    return model


@pytest.fixture
def sounds(tmp_path):
    for group, hz in (("high", 880), ("low", 110)):
        (tmp_path / group).mkdir()
        soundfile.write(tmp_path / group / "a.wav", tone(hz, seconds=1.2) / 3, 44100, "FLOAT")
    return [tmp_path / "high/a.wav", tmp_path / "low/a.wav"]


@torch.no_grad()
def test_both_sounds_are_aligned(model, sounds):
    scored = []
    found = evaluate(model, sounds, backend="torch", on_clip=lambda clip, *pair: scored.append((clip, *pair)))
    bank_delay = model.spec.acoustic_delay - model.spec.delay
    assert bank_delay > 0 and len(scored) == 2
    for path, (clip, original, reconstruction) in zip(sounds, scored, strict=True):
        x = soundfile.read(path, dtype="float32")[0]
        x *= 0.8 / np.abs(x).max()
        assert (clip.group, clip.name) == (path.parent.name, "a.wav")
        assert np.array_equal(original[0], x[: len(x) - bank_delay])
        padded = torch.from_numpy(np.pad(x, (0, -len(x) % model.spec.ratio)))[None, None]
        assert peak_error(reconstruction[0], model(padded)[0, 0, bank_delay : len(x)].numpy()) < 1e-3
    assert set(found.groups) == {"high", "low"}
    assert found.all.distance == pytest.approx(np.mean([clip.distance for clip, *_ in scored]))


@torch.no_grad()
def test_the_stream_and_silence(sounds):
    loud = load(DATA / "brave")  # random weights: silence becomes a sound
    stream = evaluate(loud, sounds[:1], backend="torch").stream
    assert stream.error < 1e-2 and stream.real_time_factor > 0
    peak = float(loud(torch.zeros(1, 1, 128 * 1034))[..., module.SETTLE_SAMPLES :].abs().max())
    assert peak > 0 and stream.silence_dbfs == pytest.approx(20 * np.log10(peak), abs=0.2)


def test_the_level_of_digital_silence_is_finite(model, sounds):
    assert evaluate(model, sounds[:1], backend="torch").stream.silence_dbfs == -200


def test_a_deviating_stream_has_a_large_error(model, sounds, monkeypatch):
    original = module.stream
    monkeypatch.setattr(module, "stream", lambda _, backend: original(tiny_model(seed=1), backend=backend))
    assert evaluate(model, sounds[:1], backend="torch").stream.error > 0.1


def test_an_ignored_component_moves_nothing(model):
    z = np.random.default_rng(0).standard_normal((4, 400)).astype(np.float32)
    z[0] *= 3
    z[3] *= 0.01
    found = latent_statistics(model, z)
    assert found.shares == pytest.approx([9 / 11, 1 / 11, 1 / 11, 0], abs=0.03) and found.carrying == 3
    assert found.moves[IGNORED] == 0
    assert all(move > 0.1 for index, move in enumerate(found.moves) if index != IGNORED)
    assert found.moving == sum(move > 0.5 for move in found.moves[:3])


def test_the_distance_to_silence_equals_that_from_silence(model, monkeypatch):
    noise = np.random.default_rng(0).standard_normal((1, 8192)).astype(np.float32)
    z = np.random.default_rng(0).standard_normal((4, 400)).astype(np.float32)
    moves = []
    for silent in (1, -1):
        monkeypatch.setattr(components, "decode_components", lambda _, z, silent=silent: noise * (z[0, 0] * silent < 0))
        moves.append(components.component_moves(model, z, 0))
    assert 1 < moves[0] == moves[1] < 10


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.zeros(60000), "got silence"),
        (np.ones(20000), "got a shorter one"),
        (np.full(60000, np.nan), "got NaN or infinity"),
    ],
)
def test_unusable_clips_are_refused(model, tmp_path, x, message):
    soundfile.write(tmp_path / "x.wav", x, 44100, "FLOAT")
    with pytest.raises(RtraveError, match=message):
        evaluate(model, [tmp_path / "x.wav"])


def test_nan_in_the_output_is_an_error(sounds):
    broken = tiny_model()
    with torch.no_grad():
        next(broken.decoder.parameters()).fill_(float("nan"))
    with pytest.raises(RtraveError, match="NaN or infinity in the output"):
        evaluate(broken, sounds, backend="torch")
