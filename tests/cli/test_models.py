"""`rtrave models` lists all names, with the reason where one cannot be read; `rtrave import` never overwrites."""

import json
import os
import shutil

import numpy as np
import pytest
import soundfile

from rtrave.cli import main
from rtrave.model.formats.load import load
from rtrave.model.formats.native import save_native
from tests import third_party_scripts
from tests.reference import DATA
from tests.tiny import tiny_model


def test_broken_ones_are_listed_with_their_reason(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("RTRAVE_PATH", os.pathsep.join((str(tmp_path), str(tmp_path / "nowhere"))))
    save_native(tiny_model(), tmp_path / "good.safetensors")
    (tmp_path / "bad.safetensors").write_bytes(b"x")
    (tmp_path / "bad_script.ts").write_bytes(b"x")
    third_party_scripts.save(third_party_scripts.Effect(), tmp_path)
    (tmp_path / "half_run").mkdir()
    shutil.copy(DATA / "v2_causal" / "config.gin", tmp_path / "half_run")
    assert main(["models", "--json"]) == 0
    found = {entry["name"]: entry for entry in json.loads(capsys.readouterr().out)}
    assert set(found) == {"strings", "winds", "good", "bad", "bad_script", "effect", "half_run", None}
    assert {name for name, entry in found.items() if entry["error"]} == {"bad", "bad_script", "half_run", None}
    assert found["good"]["ratio"] == 128 and found["effect"]["format"] == "script"
    assert "nowhere" in found[None]["error"]
    assert main(["models"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 8 and sum("not playable" in line for line in lines) == 4


def test_import_gives_the_ending_and_never_overwrites(tmp_path, capsys):
    source = DATA / "v2_causal"
    assert main(["import", str(source), str(tmp_path / "voice.v2")]) == 0
    made = tmp_path / "voice.v2.safetensors"
    assert load(made).spec.name == "voice.v2"
    before = made.read_bytes()
    assert main(["import", str(DATA / "v1_causal"), str(made)]) == 1
    assert "expected a new file, got one that exists" in capsys.readouterr().err
    assert made.read_bytes() == before
    assert main(["import", str(DATA / "v1_causal"), str(made), "--force"]) == 0
    assert load(made).spec.architecture == "v1"


@pytest.mark.parametrize("name", ["out.xyz", "out"])
def test_an_unknown_ending_names_the_known_ones(tmp_path, capsys, name):
    from rtrave.errors import RtraveError
    from rtrave.sound_file import SoundWriter

    with pytest.raises(RtraveError, match=r"expected one of the endings .*\.flac.*\.wav") as refused:
        SoundWriter(tmp_path / name, 44100, 1)
    assert "\n" not in str(refused.value)
    assert list(tmp_path.iterdir()) == []


def test_render_refuses_an_empty_file(tmp_path, capsys):
    soundfile.write(tmp_path / "empty.wav", np.zeros((0, 1), np.float32), 44100)
    save_native(tiny_model(), tmp_path / "tiny.safetensors")
    model = ["--model", str(tmp_path / "tiny.safetensors")]
    assert main(["render", str(tmp_path / "empty.wav"), str(tmp_path / "out.wav"), *model]) == 1
    assert "empty.wav': expected a sound, got 0 samples" in capsys.readouterr().err
    assert not (tmp_path / "out.wav").exists()
