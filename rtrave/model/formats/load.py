"""Loading of a model from any format."""

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
        A registered name, a native `.safetensors`, a RAVE run folder, a `.ckpt` with its `config.gin` in the same
        folder or above it, or a `.ts` that RAVE exported. Averaged weights (EMA) of a checkpoint replace its others.

    Raises
    ------
    RtraveError
        There is no such model, or the file cannot be used.
    """
    path = find_model(str(name))
    if path.is_dir() or path.suffix == ".ckpt":
        return load_run_folder(path)
    if path.suffix == ".safetensors":
        return load_native(path)
    if path.suffix == SUFFIX:
        return _load_script(path)
    raise RtraveError(
        f"'{path}': expected a .safetensors file, a RAVE run folder, a .ckpt of one or RAVE's .ts, got another format"
    )


def _load_script(path: Path) -> Model:
    if not is_export(path):
        raise RtraveError(
            f"'{path}': expected an export of RAVE's own, got another TorchScript: use rtrave.stream or 'rtrave live'"
        )
    rebuilt = ensure_native(path)
    model = load_native(rebuilt)
    model.source = path
    for note in notes_of(rebuilt):
        warnings.warn(note, stacklevel=3)
    return model
