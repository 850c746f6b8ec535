"""Checks of PyTorch archives before PyTorch opens them. Needs no torch."""

from __future__ import annotations

import pickletools
import zipfile
from pathlib import Path

from rtrave.errors import RtraveError

MAX_UNPACKED = 1 << 26  # bytes that an archive may hold beyond four times its own size
SUFFIX = ".ts"
OFFICIAL = "ScriptedRAVE"  # end of the class names of RAVE's own exports


def read_names(path: Path, kind: str, advice: str) -> set[str]:
    """Return the names in an archive, below its one folder.

    Parameters
    ----------
    kind, advice : str
        Expected content and remedy, for messages.

    Raises
    ------
    RtraveError
        The file is a pickle, cannot be read, is damaged, or unpacks to far more than its size.
    """
    try:
        with path.open("rb") as file:
            start = file.read(2)
        if start[:1] == b"\x80":
            raise RtraveError(f"'{path}': expected {kind}, got a Python pickle, which could run any code: {advice}")
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            unpacked = sum(entry.file_size for entry in archive.infolist())
    except OSError as error:
        raise RtraveError(f"cannot read '{path}': {error.strerror or error}") from error
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise RtraveError(f"'{path}': expected {kind}, got a damaged file ({error}): fetch it again") from error
    if unpacked > 4 * path.stat().st_size + MAX_UNPACKED:
        raise RtraveError(f"'{path}': expected {kind}, got {unpacked >> 20} MiB when unpacked: do not use it")
    return {name.partition("/")[2] for name in names}


def check_archive(path: Path) -> None:
    """Check that a file is a TorchScript archive, without PyTorch.

    Raises
    ------
    RtraveError
        The file is a pickle, another archive, damaged, or unpacks to far more than its size.
    """
    inner = read_names(path, "TorchScript", "export the model to TorchScript")
    if "constants.pkl" not in inner or not any(name.startswith("code/") for name in inner):
        kind = "a checkpoint" if "data.pkl" in inner else "another archive"
        raise RtraveError(f"'{path}': expected TorchScript, got {kind}: export the model to TorchScript")


def check_checkpoint(path: Path) -> None:
    """Check that a file is the archive of a checkpoint, without PyTorch; RtraveError if it is not."""
    inner = read_names(path, "a checkpoint", "give one in PyTorch's archive format")
    if "constants.pkl" in inner:
        raise RtraveError(f"'{path}': expected a checkpoint, got TorchScript: rename it to end in .ts")
    if "data.pkl" not in inner:
        raise RtraveError(f"'{path}': expected a checkpoint, got another archive: give the .ckpt of a RAVE run")


def root_class(path: Path) -> str:
    """Return the class of the object in a TorchScript archive; its pickle is read as text, and no code runs."""
    check_archive(path)
    try:
        with zipfile.ZipFile(path) as archive:
            name = next(name for name in archive.namelist() if name.partition("/")[2] == "data.pkl")
            with archive.open(name) as file:
                words = next(arg for op, arg, _ in pickletools.genops(file) if op.name == "GLOBAL")
    except (OSError, zipfile.BadZipFile, ValueError, StopIteration, EOFError) as error:
        raise RtraveError(f"'{path}': expected TorchScript, got a damaged file ({error}): fetch it again") from error
    return str(words).split()[-1]


def is_official(path: Path) -> bool:
    """Return True for TorchScript that RAVE itself exported, which can be rebuilt as a native model."""
    return root_class(path).endswith(OFFICIAL)
