"""Names find models in the packaged, the user's and the RTRAVE_PATH folders; later ones win."""

import os
import shutil

import pytest

from rtrave.errors import RtraveError
from rtrave.model.formats.native import save_native
from rtrave.model.registry import find_model, registered_models
from rtrave.settings import models_dir
from tests.reference import DATA
from tests.tiny import tiny_model


@pytest.fixture
def folders(tmp_path, monkeypatch):
    made = [tmp_path / name for name in ("one", "two")]
    for folder in made:
        folder.mkdir()
    monkeypatch.setenv("RTRAVE_PATH", os.pathsep.join(map(str, made)))
    return made


def test_packaged_ones_are_there_alone():
    assert set(registered_models()) == {"strings", "winds"}


def test_every_kind_by_its_name(folders):
    one, _ = folders
    save_native(tiny_model(), one / "native.safetensors")
    (one / "script.ts").write_bytes(b"not looked into")
    shutil.copytree(DATA / "v2_causal", one / "voice_1a2b3c")
    (one / "other").mkdir()
    (one / "notes.txt").write_text("")
    found = registered_models()
    assert set(found) == {"strings", "winds", "native", "script", "voice_1a2b3c"}
    assert find_model("voice_1a2b3c") == one / "voice_1a2b3c"


def test_later_ones_win(folders):
    one, two = folders
    models_dir().mkdir(parents=True, exist_ok=True)
    try:
        for folder in (models_dir(), two, one):
            save_native(tiny_model(), folder / "strings.safetensors")
        assert find_model("strings") == two / "strings.safetensors"
        (two / "strings.safetensors").unlink()
        assert find_model("strings") == one / "strings.safetensors"
        (one / "strings.safetensors").unlink()
        assert find_model("strings") == models_dir() / "strings.safetensors"
    finally:
        shutil.rmtree(models_dir())
    (one / "strings.ts").write_bytes(b"")
    save_native(tiny_model(), one / "strings.safetensors")
    assert find_model("strings").suffix == ".safetensors"


def test_a_missing_folder_is_no_error(monkeypatch, tmp_path):
    monkeypatch.setenv("RTRAVE_PATH", str(tmp_path / "nowhere") + os.pathsep)
    assert set(registered_models()) == {"strings", "winds"}
    with pytest.raises(RtraveError, match=r"registered names \(.*strings.*\), got 'nothing'"):
        find_model("nothing")
