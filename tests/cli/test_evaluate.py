"""`rtrave evaluate`: JSON, tables, sounds, pictures and one-line errors."""

import json
import sys

import numpy as np
import pytest
import soundfile

from rtrave.cli import main
from rtrave.model.formats.native import save_native
from rtrave.train import components
from rtrave.train.picture import draw, levels_db
from tests.tiny import tiny_model
from tests.train.tones import tone

CLIP_KEYS = {
    "name", "group", "distance", "lsd_db", "f0_median_cents", "f0_within_50", "voiced_both", "voiced",
    "loudness_error_db", "attack_error_db", "treble_error_db",
}  # fmt: skip
LATENT_KEYS = {"shares", "carrying", "std", "low", "high", "moves", "moving", "words"}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    save_native(tiny_model(), tmp_path / "tiny.safetensors")
    (tmp_path / "sounds").mkdir()
    soundfile.write(tmp_path / "sounds/a.wav", tone(440, seconds=1.2) / 4, 44100, "FLOAT")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(components, "PUSH_SAMPLES", 8192)
    return tmp_path


def test_json(folder, capsys):
    assert main(["evaluate", "tiny.safetensors", "sounds", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert set(facts) == {"model", "clips", "groups", "all", "latents", "stream"}
    (clip,) = facts["clips"]
    assert set(clip) == CLIP_KEYS and (clip["group"], clip["name"]) == ("sounds", "a.wav")
    assert facts["all"]["distance"] == clip["distance"] > 0
    assert set(facts["latents"]) == LATENT_KEYS and sum(facts["latents"]["shares"]) == pytest.approx(1)
    assert set(facts["stream"]) == {"error", "silence_dbfs", "real_time_factor"}


def test_table_sounds_and_pictures(folder, capsys):
    assert main(["evaluate", "tiny.safetensors", "sounds", "--out", "judged"]) == 0
    text = capsys.readouterr().out
    for part in (
        "a.wav",
        "all",
        "distance",
        "LSD dB",
        "voiced",
        "attacks dB",
        "treble dB",
        "of the variance",
        "moves the sound by",
        "silence gives",
        "real",
    ):
        assert part in text
    out = folder / "judged"
    ends = ("-original.flac", "-reconstruction.flac", ".png")
    assert sorted(path.name for path in out.iterdir()) == sorted(
        [f"001-sounds-a{e}" for e in ends] + ["evaluation.json"]
    )
    assert set(json.loads((out / "evaluation.json").read_text())["latents"]) == LATENT_KEYS
    original, rate = soundfile.read(out / "001-sounds-a-original.flac")
    assert rate == 44100 and np.abs(original).max() == pytest.approx(0.8, abs=1e-4)
    assert len(soundfile.read(out / "001-sounds-a-reconstruction.flac")[0]) == len(original)


def test_an_excerpt_is_the_middle(folder):
    for name, more in (("whole", []), ("part", ["--excerpt", "1"])):
        assert main(["evaluate", "tiny.safetensors", "sounds", "--json", "--out", name, *more]) == 0
    whole, part = (soundfile.read(folder / name / "001-sounds-a-original.flac")[0] for name in ("whole", "part"))
    before = (len(whole) - 44100) // 2
    assert before > 0 and np.array_equal(part, whole[before : before + 44100])


def test_a_picture_stands_upright():
    """A tone is one row, at its frequency, in all frames."""
    levels = levels_db(tone(2000, partials=1)[None])
    assert levels.shape[0] == 1025 and set(levels[:, 8:-8].argmax(axis=0)) == {round(2000 / 44100 * 2048)}


def test_a_picture_shows_both_sides(tmp_path):
    """The original, a tone, is on the left; its reconstruction, silence, is on the right."""
    from matplotlib.image import imread

    x = tone(2000)[None]
    draw(x, np.zeros_like(x), 44100, "a tone", tmp_path / "a.png")
    picture = imread(tmp_path / "a.png")[:, :, :3].sum(axis=2)
    height, width = picture.shape
    inner = picture[height // 5 : 4 * height // 5]
    left, right = inner[:, width // 8 : 2 * width // 5], inner[:, 11 * width // 20 : 3 * width // 4]
    assert left.std() > 0.2 and right.max() < 0.1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["tiny.safetensors", "none"], "no folder"),
        (["tiny.safetensors", "tiny.safetensors"], "no sound file"),
        (["nothing", "sounds"], "nothing"),
        (["tiny.safetensors", "sounds", "--threads", "0"], "from 1 up"),
        (["tiny.safetensors", "sounds", "--excerpt", "0"], "from 1 up"),
        (["tiny.safetensors", "sounds", "--out", "sounds/a.wav"], "cannot make the folder"),
    ],
)
def test_errors(folder, capsys, arguments, message):
    assert main(["evaluate", *arguments]) == 1
    printed = capsys.readouterr()
    assert printed.out == "" and message in printed.err and printed.err.count("\n") == 1


def test_a_missing_matplotlib_is_reported_first(folder, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert main(["evaluate", "tiny.safetensors", "sounds", "--out", "judged"]) == 1
    error = capsys.readouterr().err
    assert "rtrave[train]" in error and error.count("\n") == 1 and not (folder / "judged").exists()
