"""One call for every format."""

from __future__ import annotations

from pathlib import Path

from rtrave.errors import RtraveError
from rtrave.model.formats.native import load_native
from rtrave.model.formats.run_folder import load_run_folder
from rtrave.model.rave import Model
from rtrave.model.registry import find_model


def load(name: str | Path) -> Model:
    """Load a model.

    Parameters
    ----------
    name : str or Path
        A registered name, a native `.safetensors`, a RAVE run folder, or a `.ckpt` with its `config.gin` in the same
        folder or above it. Averaged weights (EMA) are used where the checkpoint has them.

    Raises
    ------
    RtraveError
        One line, where there is no such model or the file cannot be used.
    """
    path = find_model(str(name))
    if path.is_dir() or path.suffix == ".ckpt":
        return load_run_folder(path)
    if path.suffix == ".safetensors":
        return load_native(path)
    raise RtraveError(
        f"{path} is of no known format: give a .safetensors file, a RAVE run folder, a .ckpt of one, or RAVE's .ts"
    )
