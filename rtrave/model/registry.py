"""Finding a model by its name, and reading a native file's header. Needs no torch."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from rtrave.errors import RtraveError
from rtrave.settings import assets_dir, models_dir


def model_folders() -> tuple[Path, ...]:
    """Where models are known by name: the package's, the user's, and those in `RTRAVE_PATH` (parted as PATH is)."""
    named = os.environ.get("RTRAVE_PATH", "").split(os.pathsep)
    return (assets_dir(), models_dir(), *(Path(folder).expanduser() for folder in named if folder))


def registered_models() -> dict[str, Path]:
    """Models by name; of two with one name the later one wins.

    The folders in the order of `model_folders`; in each the run folders (by their own name), then the TorchScript and
    the native files (by theirs without its ending). Nothing is opened; a folder that cannot be read has none.
    """
    found: dict[str, Path] = {}
    for folder in model_folders():
        found.update(_models_in(folder))
    return found


def _models_in(folder: Path) -> dict[str, Path]:
    try:
        entries = sorted(folder.iterdir())
        runs = {path.name: path for path in entries if path.is_dir() and (path / "config.gin").is_file()}
    except OSError:
        return {}
    files = [path for path in entries if path.is_file()]
    for ending in (".ts", ".safetensors"):
        runs.update({path.stem: path for path in files if path.suffix == ending})
    return runs


def find_model(name: str) -> Path:
    """The path of a registered name, or the path itself where `name` is one."""
    registered = registered_models()
    if name in registered:
        return registered[name]
    path = Path(name).expanduser()
    if not path.exists():
        known = ", ".join(sorted(registered)) or "none"
        raise RtraveError(f"no model {name!r}: give a path or one of the registered names ({known})")
    return path


def read_header(path: Path) -> dict[str, Any]:
    """The JSON record of a native file; one line of `RtraveError` for a damaged or foreign one."""
    try:
        with safe_open(path, framework="numpy") as file:
            record = json.loads((file.metadata() or {}).get("rtrave", "null"))
    except (OSError, SafetensorError, ValueError) as error:
        raise RtraveError(f"{path} is damaged or no model ({error}): fetch or import it again") from error
    if not isinstance(record, dict) or record.get("format") != 1 or "spec" not in record:
        raise RtraveError(f"{path} holds no rtrave model: import a RAVE run folder with 'rtrave import'")
    return record
