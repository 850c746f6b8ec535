"""A model on whole clips: aligned, its components, silence, the stream; what is refused."""

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

DEAF_TO = 2


@pytest.fixture(autouse=True)
def short(monkeypatch):
    monkeypatch.setattr(module, "STREAM_SAMPLES", 24000)
    monkeypatch.setattr(components, "PUSH_SAMPLES", 8192)


@pytest.fixture(scope="module")
def model():
    """A tiny model whose decoder does not hear one of its latents."""
    made = tiny_model()
    with torch.no_grad():
        made.latent_pca.copy_(torch.eye(4))
        first = next(module for module in made.decoder.modules() if getattr(module, "weight_v", None) is not None)
        assert first.weight_v.shape[1] == 4
        first.weight_v[:, DEAF_TO] = 0
    return made


@pytest.fixture
def sounds(tmp_path):
    for group, hz in (("high", 880), ("low", 110)):
        (tmp_path / group).mkdir()
        soundfile.write(tmp_path / group / "a.wav", tone(hz, seconds=1.2) / 3, 44100, "FLOAT")
    return [tmp_path / "high/a.wav", tmp_path / "low/a.wav"]


@torch.no_grad()
def test_both_sounds_lie_over_each_other(model, sounds):
    came = []
    facts = evaluate(model, sounds, backend="torch", heard=lambda clip, *pair: came.append((clip, *pair)))
    late = model.spec.acoustic_delay - model.spec.delay
    assert late > 0 and len(came) == 2
    for path, (clip, original, made) in zip(sounds, came, strict=True):
        x = soundfile.read(path, dtype="float32")[0]
        x *= 0.8 / np.abs(x).max()
        assert (clip.group, clip.name) == (path.parent.name, "a.wav")
        assert np.array_equal(original[0], x[: len(x) - late])
        padded = torch.from_numpy(np.pad(x, (0, -len(x) % model.spec.ratio)))[None, None]
        assert peak_error(made[0], model(padded)[0, 0, late : len(x)].numpy()) < 1e-3
    assert set(facts["groups"]) == {"high", "low"}
    assert facts["all"]["distance"] == pytest.approx(np.mean([clip.distance for clip, *_ in came]))


@torch.no_grad()
def test_the_stream_and_silence(sounds):
    loud = load(DATA / "brave")  # random weights: silence becomes a sound
    stream = evaluate(loud, sounds[:1], backend="torch")["stream"]
    assert stream["error"] < 1e-2 and stream["real_time_factor"] > 0
    peak = float(loud(torch.zeros(1, 1, 128 * 1034))[..., module.SETTLE_SAMPLES :].abs().max())
    assert peak > 0 and stream["silence_dbfs"] == pytest.approx(20 * np.log10(peak), abs=0.2)


def test_what_stays_silent_is_told_in_a_finite_number(model, sounds):
    assert evaluate(model, sounds[:1], backend="torch")["stream"]["silence_dbfs"] == -200


def test_a_stream_that_is_another_sound_shows(model, sounds, monkeypatch):
    whole = module.stream
    monkeypatch.setattr(module, "stream", lambda _, backend: whole(tiny_model(seed=1), backend=backend))
    assert evaluate(model, sounds[:1], backend="torch")["stream"]["error"] > 0.1


def test_a_component_that_is_not_heard_moves_nothing(model):
    z = np.random.default_rng(0).standard_normal((4, 400)).astype(np.float32)
    z[0] *= 3
    z[3] *= 0.01
    found = latent_statistics(model, z)
    assert found["shares"] == pytest.approx([9 / 11, 1 / 11, 1 / 11, 0], abs=0.03) and found["carrying"] == 3
    assert found["moves"][DEAF_TO] == 0
    assert all(move > 0.1 for index, move in enumerate(found["moves"]) if index != DEAF_TO)
    assert found["moving"] == sum(move > 0.5 for move in found["moves"][:3])


def test_a_component_moves_as_much_to_silence_as_from_it(model, monkeypatch):
    noise = np.random.default_rng(0).standard_normal((1, 8192)).astype(np.float32)
    z = np.random.default_rng(0).standard_normal((4, 400)).astype(np.float32)
    moves = []
    for silent in (1, -1):
        monkeypatch.setattr(components, "made_of", lambda _, z, silent=silent: noise * (z[0, 0] * silent < 0))
        moves.append(components.component_moves(model, z, 0))
    assert 1 < moves[0] == moves[1] < 10


@pytest.mark.parametrize(
    ("x", "said"),
    [
        (np.zeros(60000), "is silent"),
        (np.ones(20000), "shorter than a second"),
        (np.full(60000, np.nan), "holds NaN"),
    ],
)
def test_refused(model, tmp_path, x, said):
    soundfile.write(tmp_path / "x.wav", x, 44100, "FLOAT")
    with pytest.raises(RtraveError, match=said):
        evaluate(model, [tmp_path / "x.wav"])


def test_a_model_that_gives_nan_is_told(sounds):
    broken = tiny_model()
    with torch.no_grad():
        next(broken.decoder.parameters()).fill_(float("nan"))
    with pytest.raises(RtraveError, match="makes NaN or infinity"):
        evaluate(broken, sounds, backend="torch")
