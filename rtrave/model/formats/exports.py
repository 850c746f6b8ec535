"""RAVE's own TorchScript exports: rebuilt once as native files in the cache. Needs no torch itself."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from rtrave.errors import RtraveError
from rtrave.model.formats.archive import SUFFIX, is_official
from rtrave.model.registry import read_header
from rtrave.settings import cache_dir

READER_VERSION = 1  # raised with every change of what is read from an export
LIMIT_S = 120.0  # for reading one


def is_export(path: Path) -> bool:
    """Whether a file is an export that can be rebuilt; RtraveError where it is named as TorchScript and is none."""
    return path.suffix == SUFFIX and not path.is_dir() and is_official(path)


def as_native(path: Path, tell: Callable[[str], None] = lambda line: None) -> Path:
    """What a model is compiled from: the native file of an export (see `ensure_native`), any other model as it is."""
    return ensure_native(path, tell) if is_export(path) else path


def native_file(path: Path) -> Path:
    """Where the native file of an export is kept, rebuilt or not."""
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise RtraveError(f"cannot read {path}: {error.strerror or error}") from error
    key = json.dumps([digest, path.stem, READER_VERSION])
    return cache_dir() / "exports" / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.safetensors"


def ensure_native(path: Path, tell: Callable[[str], None] = lambda line: None) -> Path:
    """The native file of an export, rebuilt in a child process where the cache lacks it.

    Parameters
    ----------
    path : Path
        An export, as `is_export` tells.
    tell : callable
        Called with a line of text before something that takes seconds, and with each line that a user must know.

    Raises
    ------
    RtraveError
        It cannot be rebuilt; one line.
    """
    kept = native_file(path)
    if not _is_whole(kept):
        tell(f"rebuilding {path.name} from its export (once) ...")
        _rebuild(path, kept)
    for note in notes_of(kept):
        tell(note)
    return kept


def notes_of(kept: Path) -> list[str]:
    """What a user must know of a rebuilt export, a line each."""
    return [str(note) for note in read_header(kept).get("notes", [])]


def _is_whole(kept: Path) -> bool:
    try:
        read_header(kept)
    except RtraveError:
        return False
    return True


def _rebuild(path: Path, kept: Path) -> None:
    command = [sys.executable, "-m", "rtrave.model.formats.export_reader", str(path), str(kept)]
    environment = {**os.environ, "PYTHONWARNINGS": "ignore"}
    try:
        child = subprocess.run(
            command, capture_output=True, text=True, env=environment, check=False, timeout=LIMIT_S
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise RtraveError(f"{path} could not be read within {LIMIT_S:.0f} s: export it again") from error
    if child.returncode:
        lines = child.stderr.strip().splitlines()
        reason = lines[-1] if lines and child.returncode == 1 else f"the reader ended with {child.returncode}"
        raise RtraveError(reason if reason.startswith((str(path), "cannot ")) else f"{path}: {reason}")
