"""User errors of `rtrave train`: one line that says what to do; existing files stay as they are."""

import pytest

from rtrave.cli import main
from tests.train.sounds import recipe_file, sound_folder


@pytest.fixture
def folder(tmp_path):
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
    ("arguments", "text"),
    [
        (["sounds"], "--out"),
        (["--out", "new"], "FOLDER: expected a folder of sounds"),
        (["missing", "--out", "new"], "no folder"),
        (["empty", "--out", "new"], "no sound file"),
        (["sounds", "--out", "full"], "is not empty: give another one, or --resume"),
        (["sounds", "--out", "deep/new"], "make it first"),
        (["sounds", "--out", "recipe.toml"], "--out: expected a folder, got the file 'recipe.toml'"),
        (["sounds", "--out", "new", "--steps", "5", "--minutes", "1"], "--steps, --minutes: expected one of them"),
        (["sounds", "--out", "new", "--minutes", "nan"], "expected minutes above 0, got 'nan'"),
        (["sounds", "--out", "new", "--config", "nothing"], "no recipe 'nothing'"),
        (["sounds", "--out", "new", "--config", "unknown.toml"], "'learning'"),
        (
            ["sounds", "--out", "new", "--config", "bad.toml"],
            "bad.toml: samples: expected a multiple of 2048",
        ),
        (
            ["sounds", "--out", "new", "--config", "windows.toml"],
            "windows_per_step: expected 1 to the number",
        ),
        (["sounds", "--out", "new", "--config", "weight.toml"], "level: expected 0 or above, got -0.5"),
        (
            ["sounds", "--out", "new", "--config", "discrete.toml"],
            "architecture: expected a variational one",
        ),
        (["sounds", "--out", "new", "--from", "nothing"], "got 'nothing'"),
        (
            ["sounds", "--out", "new", "--device", "abacus"],
            "--device: expected a device of this computer",
        ),
        (["--out", "empty", "--resume"], "no run to resume in 'empty'"),
    ],
)
def test_one_line(folder, monkeypatch, capsys, arguments, text):
    monkeypatch.chdir(folder)
    assert main(["train", *arguments]) == 1
    err = capsys.readouterr().err
    assert err.count("\n") == 1 and text in err
    assert (folder / "full" / "x").read_text() == "mine"


def test_a_damaged_checkpoint(folder, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    assert main(["train", "sounds", "--out", "run", "--config", "recipe.toml", "--steps", "1"]) == 0
    checkpoint = folder / "run" / "checkpoint.pt"
    checkpoint.write_bytes(checkpoint.read_bytes()[:1000])
    capsys.readouterr()
    assert main(["train", "--out", "run", "--resume", "--steps", "2"]) == 1
    err = capsys.readouterr().err
    assert "damaged" in err.splitlines()[-1]


def test_resuming_with_other_options(folder, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    start = ["train", "sounds", "--out", "run", "--config", "recipe.toml", "--steps", "1"]
    assert main(start) == 0
    before = (folder / "run" / "curve.jsonl").read_text()
    for wrong in (["full"], ["--config", "lean"], ["--seed", "3"], ["--name", "y"], ["--stereo"]):
        capsys.readouterr()
        assert main(["train", *wrong, "--out", "run", "--resume"]) == 1
        assert "began with" in capsys.readouterr().err
    assert main([*start, "--resume"]) == 0  # the run is complete
    assert (folder / "run" / "curve.jsonl").read_text() == before


def test_an_interrupted_start_can_be_repeated(folder, monkeypatch):
    monkeypatch.chdir(folder)
    (folder / "run").mkdir()
    (folder / "run" / "corpus.f32.part").write_bytes(b"half")
    assert main(["train", "sounds", "--out", "run", "--config", "recipe.toml", "--steps", "1"]) == 0
