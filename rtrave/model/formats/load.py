"""One call for every format."""

from __future__ import annotations

import warnings
from pathlib import Path

from rtrave.errors import RtraveError
from rtrave.model.formats.archive import SUFFIX
from rtrave.model.formats.exports import ensure_native, is_export, notes_of
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
    if path.suffix == SUFFIX:
        return _load_script(path)
    raise RtraveError(
        f"{path} is of no known format: give a .safetensors file, a RAVE run folder, a .ckpt of one, or RAVE's .ts"
    )


def _load_script(path: Path) -> Model:
    if not is_export(path):
        raise RtraveError(
            f"{path} is no export of RAVE's own, so it has no native model: play it with rtrave.stream or 'rtrave live'"
        )
    kept = ensure_native(path)
    model = load_native(kept)
    model.source = path
    for note in notes_of(kept):
        warnings.warn(note, stacklevel=3)
    return model
