"""One call for every format."""

from __future__ import annotations

from pathlib import Path

from rtrave.errors import RtraveError
from rtrave.model.formats.native import load_native
from rtrave.model.formats.run_folder import load_run_folder
from rtrave.model.rave import Model
from rtrave.model.registry import find_model


def load(name: str | Path) -> Model:
    """Load a model: a registered name, a native `.safetensors`, or a RAVE run folder.

    Raises
    ------
    RtraveError
        One line, where there is no such model or the file cannot be used.
    """
    path = find_model(str(name))
    if path.is_dir():
        return load_run_folder(path)
    if path.suffix == ".safetensors":
        return load_native(path)
    raise RtraveError(f"{path} is of no known format: give a .safetensors file or a RAVE run folder")
