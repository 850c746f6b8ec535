"""Models by name, and the header of a native file. Needs no torch."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from rtrave.errors import RtraveError
from rtrave.settings import assets_dir, models_dir


def model_folders() -> tuple[Path, ...]:
    """Return the folders of registered models: the package's, the user's, those in `RTRAVE_PATH` (split like PATH)."""
    named = os.environ.get("RTRAVE_PATH", "").split(os.pathsep)
    return (assets_dir(), models_dir(), *(Path(folder).expanduser() for folder in named if folder))


def registered_models() -> dict[str, Path]:
    """Return the models by name; of two models of one name the later one wins.

    The folders have the order of `model_folders`. In each folder the run folders come first (by their name), then the
    TorchScript and native files (by their name without its ending). No file is opened; a folder that cannot be read
    counts as empty.
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
    """Return the path of a registered name, or `name` itself if it is a path; RtraveError if it is neither."""
    registered = registered_models()
    if name in registered:
        return registered[name]
    path = Path(name).expanduser()
    if not path.exists():
        known = ", ".join(sorted(registered)) or "none"
        raise RtraveError(f"model: expected a path or one of the registered names ({known}), got {name!r}")
    return path


def read_header(path: Path) -> dict[str, Any]:
    """Return the JSON record of a native file; RtraveError for a damaged file or one of another kind."""
    try:
        with safe_open(path, framework="numpy") as file:
            record = json.loads((file.metadata() or {}).get("rtrave", "null"))
    except (OSError, SafetensorError, ValueError) as error:
        raise RtraveError(f"'{path}': expected a model, got a damaged file ({error}): import it again") from error
    if not isinstance(record, dict) or record.get("format") != 1 or "spec" not in record:
        raise RtraveError(f"'{path}': expected an rtrave model, got another file: make one with 'rtrave import'")
    return record
