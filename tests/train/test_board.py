"""TensorBoard reports hold the numbers of the curve and the sounds of the examples."""

import json
import sys

import pytest
from tensorboardX.proto.event_pb2 import Event

from rtrave.cli import main
from tests.train.sounds import recipe_file, sound_folder


def events(path):
    """Read the events of a file. A record is its length (8 bytes), a checksum (4), the data, a checksum (4)."""
    content, records = path.read_bytes(), []
    while content:
        length = int.from_bytes(content[:8], "little")
        records.append(Event.FromString(content[12 : 12 + length]))
        content = content[16 + length :]
    return records


def test_numbers_and_sounds_are_written(tmp_path):
    sounds, recipe, run = sound_folder(tmp_path / "sounds"), recipe_file(tmp_path), tmp_path / "run"
    assert (
        main(["train", str(sounds), "--config", str(recipe), "--out", str(run), "--steps", "3", "--tensorboard"]) == 0
    )
    (path,) = (run / "tensorboard").iterdir()
    logged = {value.tag: (event.step, value) for event in events(path) for value in event.summary.value}
    curve = json.loads((run / "curve.jsonl").read_text().splitlines()[-1])
    for name in curve.keys() - {"step"}:
        step, value = logged[name]
        assert step == curve["step"] == 3
        assert value.simple_value == pytest.approx(curve[name], rel=1e-6)
    for name in ("original", "made"):
        assert logged[name][1].audio.sample_rate == 44100
        assert len(logged[name][1].audio.encoded_audio_string) > 44100


def test_nothing_is_written_without_the_option(tmp_path):
    sounds, recipe, run = sound_folder(tmp_path / "sounds"), recipe_file(tmp_path), tmp_path / "run"
    assert main(["train", str(sounds), "--config", str(recipe), "--out", str(run), "--steps", "1"]) == 0
    assert not (run / "tensorboard").exists()


def test_a_missing_tensorboardx_is_reported_first(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    sounds, run = sound_folder(tmp_path / "sounds"), tmp_path / "run"
    assert main(["train", str(sounds), "--out", str(run), "--steps", "1", "--tensorboard"]) == 1
    error = capsys.readouterr().err
    assert "rtrave[train]" in error and error.count("\n") == 1 and not run.exists()
