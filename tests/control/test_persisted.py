"""The state between runs, and presets: whole or not at all, and no file of the user is lost."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

from rtrave.control import persisted
from rtrave.control.instrument import Instrument
from rtrave.control.namespace import Controls
from rtrave.control.vector import make_layout
from rtrave.errors import RtraveError
from rtrave.settings import configs_dir


def new(dims: int = 4) -> Instrument:
    return Instrument(Controls(make_layout(dims)), (0.5, 0.8, 0.95, 1.0)[:dims])


@pytest.fixture
def played() -> Instrument:
    instrument = new()
    instrument.store("é 🎻 one")
    for address, value in [
        ("/rtrave/latent/2/bias", -1.25),
        ("/rtrave/latent/1/lfo/shape", "saw"),
        ("/rtrave/dims", 2),
        ("/rtrave/seed", 7),
        ("/rtrave/silence", 1),
        ("/rtrave/freeze", 1),
    ]:
        instrument.controls.set(address, (value,))
    instrument.store("two")
    instrument.controls.set("/rtrave/morph/a", ("two",))
    return instrument


def test_the_next_run_starts_with_the_state_of_the_last_one(played: Instrument, tmp_path: Path) -> None:
    path = tmp_path / "deep" / "state.json"
    persisted.save_state(played, path)
    after = new()
    assert persisted.load_state(after, path) == []
    assert after.controls.get("/rtrave/latent/2/bias") == (-1.25,)
    assert after.controls.get("/rtrave/latent/1/lfo/shape") == ("saw",)
    assert after.controls.get("/rtrave/seed") == (7,)
    assert after.controls.get("/rtrave/silence") == after.controls.get("/rtrave/freeze") == (0,)
    assert after.names() == played.names() and after.controls.get("/rtrave/morph/a") == ("two",)
    mask = after.controls.layout.persisted()
    for name in played.names():
        assert np.array_equal(after.snapshots[name][mask], played.snapshots[name][mask])


def test_the_seed_of_the_command_line_stays_where_none_was_saved(tmp_path: Path) -> None:
    persisted.save_state(new(), tmp_path / "s")
    after = Instrument(Controls(make_layout(4, seed=9)))
    persisted.load_state(after, tmp_path / "s")
    assert after.controls.get("/rtrave/seed") == (9,)


def test_a_missing_file_gives_no_note(tmp_path: Path) -> None:
    assert persisted.load_state(new(), tmp_path / "none") == []


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"format": "other", "version": 1}', '{"format": 3}'])
def test_a_damaged_file_is_moved_aside(tmp_path: Path, text: str) -> None:
    path = tmp_path / "state.json"
    path.write_text(text)
    (note,) = persisted.load_state(new(), path)
    assert "state.damaged" in note and not path.exists() and (tmp_path / "state.damaged").read_text() == text


def test_unfit_parts_are_named_and_the_rest_is_restored(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    record = json.loads(persisted.state_text(persisted.state_of(new()))) | {
        "controls": {"/rtrave/latent/9/bias": 1.0, "/rtrave/mix": 0.5, "/rtrave/latent/0/mute": 9, "/rtrave/panic": 3},
        "snapshots": {"good": {"/rtrave/mix": 0.25, "/rtrave/nosuch": 1}, "": {}, "odd": 3},
        "morph": {"a": ["gone"], "b": 7},
    }
    path.write_text(json.dumps(record))
    after = new()
    notes = persisted.load_state(after, path)
    assert len(notes) == 6, notes
    assert any("/rtrave/latent/9/bias" in note for note in notes)
    assert after.controls.get("/rtrave/mix") == (0.5,) and after.names() == ("good",)


def test_a_full_disk_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(RtraveError, match="No space left"):
        persisted.save_state(new(), tmp_path / "state.json")


def test_a_preset_round_trip_keeps_everything(played: Instrument, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(persisted.preset_text(played), encoding="utf-8")
    after = new()
    persisted.apply_preset(after, path)
    mask = after.controls.layout.persisted()
    assert np.array_equal(after.controls.values[mask], played.controls.values[mask])
    assert after.names() == played.names()
    for name in played.names():
        assert np.array_equal(after.snapshots[name][mask], played.snapshots[name][mask])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('"/rtrave/nosuch" = 1', "/rtrave/nosuch"),
        ('"/rtrave/mix" = "loud"', "/rtrave/mix"),
        ('"/rtrave/mix" = [1, 2]', "/rtrave/mix"),
        ('"/rtrave/mix" = nan', "/rtrave/mix"),
        ('"/rtrave/mix" = 2024-01-01', "/rtrave/mix"),
        ("mix = 1", "expected addresses"),
        ("/rtrave/mix = 1", "is not a preset"),
        ('[snapshots.a]\n"/rtrave/latent/9/bias" = 1', "/rtrave/latent/9/bias"),
        ("snapshots = 3", "expected tables"),
        ("\0", "is not a preset"),
    ],
)
def test_a_bad_preset_changes_nothing(played: Instrument, tmp_path: Path, text: str, expected: str) -> None:
    path = tmp_path / "bad.toml"
    path.write_text('"/rtrave/out/gain" = -3.0\n' + text if text.startswith('"') else text)
    before, names = played.controls.values.copy(), played.names()
    with pytest.raises(RtraveError) as caught:
        persisted.apply_preset(played, path)
    assert expected in str(caught.value) and "\n" not in str(caught.value)
    assert np.array_equal(played.controls.values, before) and played.names() == names


@pytest.mark.parametrize("path", sorted((configs_dir() / "presets").glob("*.toml")), ids=lambda path: path.stem)
@pytest.mark.parametrize("dims", [2, 4, 128])
def test_packaged_presets_fit_every_model(path: Path, dims: int) -> None:
    instrument = Instrument(Controls(make_layout(dims)))
    before = instrument.controls.values.copy()
    persisted.apply_preset(instrument, path)
    assert instrument.names() or not np.array_equal(instrument.controls.values, before)
