"""Finding a model by its name, and reading a native file's header. Needs no torch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from rtrave.errors import RtraveError
from rtrave.settings import assets_dir, models_dir


def registered_models() -> dict[str, Path]:
    """Native models by name: those that come with the package, and the user's own, which win."""
    found = {}
    for folder in (assets_dir(), models_dir()):
        found.update({path.stem: path for path in sorted(folder.glob("*.safetensors"))})
    return found


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
