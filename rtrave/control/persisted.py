"""The persisted state of an instrument: a JSON file between runs, and presets as TOML files of the user.

Both hold addresses and the values that differ from the table's defaults. An address that a model does not have is named
and skipped. Each file is written whole or not at all; a damaged one is set aside, never overwritten. Control process.
"""

from __future__ import annotations

import json
import os
import secrets
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rtrave.control.arguments import TAG_CHARACTERS
from rtrave.control.arguments import name as checked_name
from rtrave.control.instrument import MAX_SNAPSHOTS, MORPH, Instrument
from rtrave.control.namespace import Controls
from rtrave.control.pattern import is_pattern
from rtrave.control.vector import Vector
from rtrave.errors import ControlError, RtraveError
from rtrave.settings import state_dir

FORMAT, VERSION = "rtrave-state", 1
NOT_NEXT_TIME = ("freeze", "bypass")  # a run that starts frozen or dry would look broken
Changes = dict[str, float | str]


@dataclass(frozen=True)
class State:
    """The state that a run leaves to the next one. What a file holds is not checked yet, hence `object`.

    Attributes
    ----------
    controls : mapping
        Address to value.
    snapshots : mapping
        Name to a mapping of address to value.
    morph : mapping
        "a", "b" and "corners" to names of snapshots.
    """

    controls: Mapping[str, object]
    snapshots: Mapping[str, object]
    morph: Mapping[str, object]


@dataclass(frozen=True)
class Preset:
    """The contents of a preset: address to arguments, and name of a snapshot to a mapping of address to value."""

    settings: Mapping[str, Sequence[object]]
    snapshots: Mapping[str, object]


def _baseline(instrument: Instrument) -> Vector:
    return np.array([p.default for p in instrument.controls.layout.parameters], np.float64)


def changes_of(instrument: Instrument, values: Vector) -> Changes:
    """Return where the persisted controls of a vector differ from the defaults."""
    layout = instrument.controls.layout
    base = _baseline(instrument)
    return layout.diff(base, np.where(layout.persisted(), values, base))


def vector_of(instrument: Instrument, changes: Mapping[str, object]) -> tuple[Vector, list[str]]:
    """Return the vector with these changes, and the addresses that it refused: unknown ones, or unfit values."""
    controls = Controls(instrument.controls.layout)
    controls.values[...] = _baseline(instrument)
    persisted = controls.layout.persisted()
    refused = []
    for address, value in changes.items():
        try:
            slot = controls.slot(address)
            if not is_pattern(address) and (slot is None or slot.indices is None or not persisted[slot.indices].all()):
                raise ControlError("unknown-address", f"{address[:60]!r} is not a control of a snapshot")
            controls.set(address, value if isinstance(value, list) else [value])
        except ControlError:
            refused.append(address)
    return controls.values, refused


def state_of(instrument: Instrument) -> State:
    """Return the controls, the snapshots and the morph of an instrument."""
    last = changes_of(instrument, instrument.controls.values)
    macros = instrument.controls.macros
    return State(
        controls={a: v for a, v in last.items() if a.rpartition("/")[2] not in NOT_NEXT_TIME},
        snapshots={name: changes_of(instrument, values) for name, values in dict(instrument.snapshots).items()},
        morph={key: list(macros[MORPH + key]) for key in ("a", "b", "corners")},
    )


def restore(instrument: Instrument, state: State, with_controls: bool = True) -> list[str]:
    """Put a state back; return notes on what does not fit the model.

    Parameters
    ----------
    instrument : Instrument
    state : State
    with_controls : bool
        False restores the snapshots and the morph only.
    """
    notes: list[str] = []
    if with_controls:
        values, refused = vector_of(instrument, state.controls)
        persisted = instrument.controls.layout.persisted()
        seed = instrument.controls.layout.slots["seed"].start
        persisted[seed] = "/rtrave/seed" in state.controls
        instrument.controls.values[persisted] = values[persisted]
        notes += [f"{address}: not a control of this model, skipped" for address in refused]
    notes += add_snapshots(instrument, state.snapshots)
    for key, names in state.morph.items():
        if isinstance(names, list) and all(name in instrument.snapshots for name in names):
            instrument.controls.macros[MORPH + key] = tuple(names)
    return notes


def add_snapshots(instrument: Instrument, snapshots: Mapping[str, object]) -> list[str]:
    """Add snapshots by name, over those of the same name; return notes on what does not fit the model."""
    notes = []
    for name, changes in snapshots.items():
        try:
            checked_name(name)
            if name not in instrument.snapshots and len(instrument.snapshots) >= MAX_SNAPSHOTS:
                raise ControlError("busy", f"expected at most {MAX_SNAPSHOTS} snapshots")
            if not isinstance(changes, Mapping):
                raise ControlError("bad-type", f"expected addresses and values, got {changes!r:.40}")
            instrument.snapshots[name], refused = vector_of(instrument, changes)
            notes += [f"snapshot {name!r}: {address}: not a control of this model, skipped" for address in refused]
        except ControlError as error:
            notes.append(f"snapshot {name[:40]!r}: {error}")
    return notes


# Files


def state_path(name: str, model_hash: str) -> Path:
    """Return the file of a model's last controls and snapshots."""
    return _model_file(name, model_hash, ".json")


def calibration_path(name: str, model_hash: str) -> Path:
    """Return the file of a model's calibration, unless it is beside the model."""
    return _model_file(name, model_hash, ".calibration.json")


def _model_file(name: str, model_hash: str, ending: str) -> Path:
    safe = "".join(letter if letter in TAG_CHARACTERS else "_" for letter in name)
    return state_dir() / f"{safe[:64]}-{model_hash[:12]}{ending}"


def write_whole(path: Path, text: str) -> None:
    """Write a file that is the old one or the new one at any moment; RtraveError where the disk refuses."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        with beside.open("x", encoding="utf-8") as file:
            file.write(text)
        os.replace(beside, path)
    except OSError as error:
        raise RtraveError(f"cannot write '{path}': {error.strerror}") from error


def state_text(state: State) -> str:
    """Return the text of a state file."""
    record = {
        "format": FORMAT,
        "version": VERSION,
        "controls": state.controls,
        "snapshots": state.snapshots,
        "morph": state.morph,
    }
    return json.dumps(record, indent=1) + "\n"


def parse_state(text: str) -> State:
    """Parse the text of a state file; ValueError, KeyError or TypeError where it is none."""
    record = json.loads(text)
    if record["format"] != FORMAT or record["version"] != VERSION:
        raise ValueError("unknown format or version")
    parts = [record.get(key, {}) for key in ("controls", "snapshots", "morph")]
    if not all(isinstance(part, dict) for part in parts):
        raise TypeError("expected tables of controls, snapshots and morph")
    return State(*parts)


def load_state(instrument: Instrument, path: Path, with_controls: bool = True) -> list[str]:
    """Restore the state of the last run from a file, if there is one; return notes for the user."""
    try:
        return restore(instrument, parse_state(path.read_text(encoding="utf-8")), with_controls)
    except FileNotFoundError:
        return []
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        aside = path.with_suffix(".damaged")
        try:
            os.replace(path, aside)
        except OSError:
            return [f"'{path}' cannot be read: {error}"]
        return [f"the state of the last run cannot be read ({error}): moved to '{aside}'"]


def save_state(instrument: Instrument, path: Path) -> None:
    """Write the state of an instrument for its next run; RtraveError where the disk refuses."""
    write_whole(path, state_text(state_of(instrument)))


def read_preset(path: Path) -> Preset:
    """Read a preset; RtraveError where the file is none."""
    try:
        record = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise RtraveError(f"cannot read the preset '{path}': {error}") from error
    except tomllib.TOMLDecodeError as error:
        raise RtraveError(f"'{path}' is not a preset: {error}") from error
    snapshots = record.pop("snapshots", {})
    for key, value in record.items():
        if not key.startswith("/") or isinstance(value, dict):
            raise RtraveError(f"'{path}': expected addresses such as \"/rtrave/mix\" and [snapshots.NAME], got {key!r}")
    if not isinstance(snapshots, dict):
        raise RtraveError(f"'{path}': expected tables [snapshots.NAME], got snapshots = {snapshots!r:.40}")
    return Preset({a: v if isinstance(v, list) else [v] for a, v in record.items()}, snapshots)


def apply_preset(instrument: Instrument, path: Path) -> None:
    """Set all that a preset holds, or nothing; the RtraveError names what this model does not have."""
    preset = read_preset(path)
    controls = instrument.controls
    before, macros, snapshots = controls.values.copy(), dict(controls.macros), dict(instrument.snapshots)
    problems = add_snapshots(instrument, preset.snapshots)
    for address, arguments in preset.settings.items():
        try:
            controls.set(address, arguments)
        except ControlError as error:
            problems.append(f"{address}: {error}")
    if problems:
        controls.values[...], controls.macros, instrument.snapshots = before, macros, snapshots
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        raise RtraveError(f"preset '{path}': {problems[0]}{more}")


def preset_text(instrument: Instrument) -> str:
    """Return the controls and the snapshots of an instrument as a preset."""
    lines = ["# A preset of rtrave: addresses and values, and snapshots by name.", ""]
    lines += _toml_lines(changes_of(instrument, instrument.controls.values))
    for name, values in instrument.snapshots.items():
        lines += [
            "",
            f"[snapshots.{json.dumps(name, ensure_ascii=False)}]",
            *_toml_lines(changes_of(instrument, values)),
        ]
    return "\n".join(lines) + "\n"


def _toml_lines(changes: Changes) -> list[str]:
    # The strings and finite numbers of JSON are valid TOML.
    return [f"{json.dumps(address)} = {json.dumps(value, ensure_ascii=False)}" for address, value in changes.items()]
