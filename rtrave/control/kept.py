"""What is kept of an instrument: as a record between runs, as a TOML file of the user's. Control process.

A record holds addresses and values that differ from the table's defaults; an address that a model does not have is
named and left out. A file is written whole or not at all, and a damaged one is put aside, never overwritten.
"""

from __future__ import annotations

import json
import os
import secrets
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

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
NOT_NEXT_TIME = ("freeze", "bypass")  # a run that begins frozen or dry would look broken
Changes = dict[str, float | str]


def _baseline(instrument: Instrument) -> Vector:
    return np.array([p.default for p in instrument.controls.layout.parameters], np.float64)


def changes_of(instrument: Instrument, values: Vector) -> Changes:
    """What a vector has set differently from the defaults, of the controls that snapshots hold."""
    layout = instrument.controls.layout
    base = _baseline(instrument)
    return layout.diff(base, np.where(layout.kept(), values, base))


def vector_of(instrument: Instrument, changes: Mapping[str, Any]) -> tuple[Vector, list[str]]:
    """The vector that has these changes, and the addresses it could not take (unknown, or with a value that does not
    fit)."""
    controls = Controls(instrument.controls.layout)
    controls.values[...] = _baseline(instrument)
    kept = controls.layout.kept()
    refused = []
    for address, value in changes.items():
        try:
            place = controls.place(address)
            if not is_pattern(address) and (place is None or place.where is None or not kept[place.where].all()):
                raise ControlError("unknown-address", "no control of a snapshot")
            controls.set(address, value if isinstance(value, list) else [value])
        except ControlError:
            refused.append(address)
    return controls.values, refused


def to_record(instrument: Instrument) -> dict[str, Any]:
    """The last controls, the snapshots and the morph, in plain JSON types."""
    last = changes_of(instrument, instrument.controls.values)
    macros = instrument.controls.macros
    return {
        "format": FORMAT,
        "version": VERSION,
        "controls": {a: v for a, v in last.items() if a.rpartition("/")[2] not in NOT_NEXT_TIME},
        "snapshots": {name: changes_of(instrument, values) for name, values in dict(instrument.snapshots).items()},
        "morph": {key: list(macros[MORPH + key]) for key in ("a", "b", "corners")},
    }


def from_record(instrument: Instrument, record: Mapping[str, Any], with_controls: bool = True) -> list[str]:
    """Put a record back; what of it does not fit the model, in words."""
    notes: list[str] = []
    if with_controls:
        values, refused = vector_of(instrument, record.get("controls", {}))
        kept = instrument.controls.layout.kept()
        seed = instrument.controls.layout.slots["seed"].start
        kept[seed] = "/rtrave/seed" in record.get("controls", {})
        instrument.controls.values[kept] = values[kept]
        notes += [f"{address}: no control of this model" for address in refused]
    notes += add_snapshots(instrument, record.get("snapshots", {}))
    for key, names in record.get("morph", {}).items():
        if isinstance(names, list) and all(name in instrument.snapshots for name in names):
            instrument.controls.macros[MORPH + key] = tuple(names)
    return notes


def add_snapshots(instrument: Instrument, snapshots: Mapping[str, Any]) -> list[str]:
    """Add snapshots by name, over those of the same name; what of them does not fit the model, in words."""
    notes = []
    for name, changes in snapshots.items():
        try:
            checked_name(name)
            if name not in instrument.snapshots and len(instrument.snapshots) >= MAX_SNAPSHOTS:
                raise ControlError("busy", f"more than {MAX_SNAPSHOTS} snapshots")
            if not isinstance(changes, Mapping):
                raise ControlError("bad-type", "no table of addresses and values")
            instrument.snapshots[name], refused = vector_of(instrument, changes)
            notes += [f"snapshot {name!r}: {address}: no control of this model" for address in refused]
        except ControlError as error:
            notes.append(f"snapshot {name[:40]!r}: {error}")
    return notes


# Files


def state_path(name: str, model_hash: str) -> Path:
    """Where the last controls and the snapshots of a model are kept."""
    return _kept_path(name, model_hash, ".json")


def calibration_path(name: str, model_hash: str) -> Path:
    """Where the calibration of a model is kept, unless it lies beside the model."""
    return _kept_path(name, model_hash, ".calibration.json")


def _kept_path(name: str, model_hash: str, ending: str) -> Path:
    safe = "".join(letter if letter in TAG_CHARACTERS else "_" for letter in name)
    return state_dir() / f"{safe[:64]}-{model_hash[:12]}{ending}"


def write_whole(path: Path, text: str) -> None:
    """Write a file so that it is the old one or the new one at any moment; RtraveError where the disk refuses."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        with beside.open("x", encoding="utf-8") as file:
            file.write(text)
        os.replace(beside, path)
    except OSError as error:
        raise RtraveError(f"cannot write {path}: {error.strerror}") from error


def load_state(instrument: Instrument, path: Path, with_controls: bool = True) -> list[str]:
    """Bring an instrument to where its last run left it; notes for the user. No file is no note."""
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        if record["format"] != FORMAT or record["version"] != VERSION:
            raise ValueError("another format")
        return from_record(instrument, record, with_controls)
    except FileNotFoundError:
        return []
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        aside = path.with_suffix(".damaged")
        try:
            os.replace(path, aside)
        except OSError:
            pass
        return [f"what was kept of the last run cannot be read ({error}): put aside as {aside.name}"]


def save_state(instrument: Instrument, path: Path) -> None:
    """Keep an instrument for its next run."""
    write_whole(path, json.dumps(to_record(instrument), indent=1) + "\n")


def read_preset(path: Path) -> tuple[dict[str, list[Any]], dict[str, Any]]:
    """Settings and snapshots of a preset: address to arguments, name to address to value.

    RtraveError where the file is no preset.
    """
    try:
        record = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise RtraveError(f"cannot read the preset {path}: {error}") from error
    except tomllib.TOMLDecodeError as error:
        raise RtraveError(f"{path} is no preset: {error}") from error
    snapshots = record.pop("snapshots", {})
    for key, value in record.items():
        if not key.startswith("/") or isinstance(value, dict):
            raise RtraveError(f'{path}: {key!r}: expected addresses such as "/rtrave/mix", and [snapshots.NAME]')
    if not isinstance(snapshots, dict):
        raise RtraveError(f"{path}: snapshots: expected tables [snapshots.NAME]")
    return {a: v if isinstance(v, list) else [v] for a, v in record.items()}, snapshots


def apply_preset(instrument: Instrument, path: Path) -> None:
    """Set what a preset says, all of it or nothing; RtraveError names what this model does not have."""
    settings, snapshots = read_preset(path)
    controls = instrument.controls
    before, macros, kept = controls.values.copy(), dict(controls.macros), dict(instrument.snapshots)
    problems = add_snapshots(instrument, snapshots)
    for address, arguments in settings.items():
        try:
            controls.set(address, arguments)
        except ControlError as error:
            problems.append(f"{address}: {error}")
    if problems:
        controls.values[...], controls.macros, instrument.snapshots = before, macros, kept
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        raise RtraveError(f"preset {path}: {problems[0]}{more}")


def preset_text(instrument: Instrument) -> str:
    """The controls and the snapshots as a preset."""
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
    # JSON's strings and finite numbers are TOML's, too.
    return [f"{json.dumps(address)} = {json.dumps(value, ensure_ascii=False)}" for address, value in changes.items()]
