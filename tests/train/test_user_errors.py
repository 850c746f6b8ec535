"""What a user gets wrong is one line that says what to do, and leaves what is there alone."""

import pytest

from rtrave.cli import main
from tests.train.sounds import recipe_file, sound_folder


@pytest.fixture
def place(tmp_path):
    sound_folder(tmp_path / "sounds", 1, 1.0)
    (tmp_path / "empty").mkdir()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").write_text("mine")
    recipe_file(tmp_path)
    (tmp_path / "unknown.toml").write_text('architecture = "v2"\nlearning = 3\n')
    (tmp_path / "bad.toml").write_text("samples = 1000\n")
    (tmp_path / "windows.toml").write_text("windows_per_step = 9\n")
    (tmp_path / "weight.toml").write_text("level = -0.5\n")
    (tmp_path / "discrete.toml").write_text('architecture = "discrete"\n')
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["sounds"], "--out"),
        (["--out", "new"], "no folder of sounds"),
        (["missing", "--out", "new"], "no folder"),
        (["empty", "--out", "new"], "no sound file"),
        (["sounds", "--out", "full"], "is not empty"),
        (["sounds", "--out", "deep/new"], "make it first"),
        (["sounds", "--out", "recipe.toml"], "is a file"),
        (["sounds", "--out", "new", "--steps", "5", "--minutes", "1"], "one of them"),
        (["sounds", "--out", "new", "--minutes", "nan"], "above 0"),
        (["sounds", "--out", "new", "--config", "nothing"], "no recipe"),
        (["sounds", "--out", "new", "--config", "unknown.toml"], "'learning'"),
        (["sounds", "--out", "new", "--config", "bad.toml"], "multiple of 2048"),
        (["sounds", "--out", "new", "--config", "windows.toml"], "windows_per_step"),
        (["sounds", "--out", "new", "--config", "weight.toml"], "level"),
        (["sounds", "--out", "new", "--config", "discrete.toml"], "only variational"),
        (["sounds", "--out", "new", "--from", "nothing"], "no model"),
        (["sounds", "--out", "new", "--device", "abacus"], "no device"),
        (["--out", "empty", "--resume"], "no run to go on with"),
    ],
)
def test_one_line(place, monkeypatch, capsys, arguments, words):
    monkeypatch.chdir(place)
    assert main(["train", *arguments]) == 1
    err = capsys.readouterr().err
    assert err.count("\n") == 1 and words in err
    assert (place / "full" / "x").read_text() == "mine"


def test_a_damaged_checkpoint(place, monkeypatch, capsys):
    monkeypatch.chdir(place)
    assert main(["train", "sounds", "--out", "run", "--config", "recipe.toml", "--steps", "1"]) == 0
    checkpoint = place / "run" / "checkpoint.pt"
    checkpoint.write_bytes(checkpoint.read_bytes()[:1000])
    capsys.readouterr()
    assert main(["train", "--out", "run", "--resume", "--steps", "2"]) == 1
    err = capsys.readouterr().err
    assert "damaged" in err.splitlines()[-1]


def test_resuming_something_else(place, monkeypatch, capsys):
    monkeypatch.chdir(place)
    begun = ["train", "sounds", "--out", "run", "--config", "recipe.toml", "--steps", "1"]
    assert main(begun) == 0
    before = (place / "run" / "curve.jsonl").read_text()
    for wrong in (["full"], ["--config", "lean"], ["--seed", "3"], ["--name", "y"], ["--stereo"]):
        capsys.readouterr()
        assert main(["train", *wrong, "--out", "run", "--resume"]) == 1
        assert "began with" in capsys.readouterr().err
    assert main([*begun, "--resume"]) == 0  # it has ended: nothing is left to do
    assert (place / "run" / "curve.jsonl").read_text() == before


def test_reading_that_was_interrupted_is_done_again(place, monkeypatch):
    monkeypatch.chdir(place)
    (place / "run").mkdir()
    (place / "run" / "corpus.f32.part").write_bytes(b"half")
    assert main(["train", "sounds", "--out", "run", "--config", "recipe.toml", "--steps", "1"]) == 0
