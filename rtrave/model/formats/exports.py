"""Native files of RAVE's own TorchScript exports, rebuilt once and cached. Needs no torch itself."""

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

READER_VERSION = 1  # raised with every change of the rebuilt file
LIMIT_S = 120.0  # time limit for reading an export


def is_export(path: Path) -> bool:
    """Return True for an export of RAVE's own; RtraveError for a `.ts` that is no TorchScript."""
    return path.suffix == SUFFIX and not path.is_dir() and is_official(path)


def as_native(path: Path, report: Callable[[str], None] = lambda line: None) -> Path:
    """Return the file that a model is compiled from: the native file of an export, any other path unchanged."""
    return ensure_native(path, report) if is_export(path) else path


def native_file(path: Path) -> Path:
    """Return the path of an export's native file in the cache, which need not exist yet."""
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise RtraveError(f"cannot read '{path}': {error.strerror or error}") from error
    key = json.dumps([digest, path.stem, READER_VERSION])
    return cache_dir() / "exports" / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.safetensors"


def ensure_native(path: Path, report: Callable[[str], None] = lambda line: None) -> Path:
    """Return the native file of an export. A child process rebuilds it if the cache lacks it.

    Parameters
    ----------
    path : Path
        An export, by `is_export`.
    report : callable
        Called with a line of text before work that takes seconds, and with each note for the user.

    Raises
    ------
    RtraveError
        The export cannot be rebuilt.
    """
    native = native_file(path)
    if not _is_whole(native):
        report(f"rebuilding {path.name} from its export (once) ...")
        _rebuild(path, native)
    for note in notes_of(native):
        report(note)
    return native


def notes_of(native: Path) -> list[str]:
    """Return the notes for the user of a rebuilt export, one line each."""
    return [str(note) for note in read_header(native).get("notes", [])]


def _is_whole(native: Path) -> bool:
    try:
        read_header(native)
    except RtraveError:
        return False
    return True


def _rebuild(path: Path, native: Path) -> None:
    command = [sys.executable, "-m", "rtrave.model.formats.export_reader", str(path), str(native)]
    environment = {**os.environ, "PYTHONWARNINGS": "ignore"}
    try:
        child = subprocess.run(
            command, capture_output=True, text=True, env=environment, check=False, timeout=LIMIT_S
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise RtraveError(f"'{path}': expected a result in {LIMIT_S:.0f} s, got none: export it again") from error
    if child.returncode:
        lines = child.stderr.strip().splitlines()
        reason = lines[-1] if lines and child.returncode == 1 else f"the reader ended with {child.returncode}"
        raise RtraveError(reason if reason.startswith((f"'{path}'", "cannot ")) else f"'{path}': {reason}")
