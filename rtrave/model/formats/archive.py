"""What an archive of torch's holds, found out before torch sees it. Needs no torch."""

from __future__ import annotations

import pickletools
import zipfile
from pathlib import Path

from rtrave.errors import RtraveError

MAX_UNPACKED = 1 << 26  # bytes that an archive may hold beyond four times its own size
SUFFIX = ".ts"
OFFICIAL = "ScriptedRAVE"  # how the classes of RAVE's own exports end


def read_names(path: Path, kind: str, advice: str) -> set[str]:
    """The names in an archive, below its one folder; what is no sound archive is refused in one line."""
    try:
        with path.open("rb") as file:
            start = file.read(2)
        if start[:1] == b"\x80":
            raise RtraveError(f"{path} is a Python pickle, which could run any code: {advice}")
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            unpacked = sum(entry.file_size for entry in archive.infolist())
    except OSError as error:
        raise RtraveError(f"cannot read {path}: {error.strerror or error}") from error
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise RtraveError(f"{path} is damaged or no {kind} ({error}): fetch or export it again") from error
    if unpacked > 4 * path.stat().st_size + MAX_UNPACKED:
        raise RtraveError(f"{path} unpacks to {unpacked >> 20} MiB: no honest {kind} does; do not use it")
    return {name.partition("/")[2] for name in names}


def check_archive(path: Path) -> None:
    """Refuse what is no TorchScript archive, by name and before torch sees it.

    Raises
    ------
    RtraveError
        One line, for a pickle, an archive of something else, a damaged one, one that unpacks to far more than it is.
    """
    inner = read_names(path, "TorchScript", "export the model to TorchScript")
    if "constants.pkl" not in inner or not any(name.startswith("code/") for name in inner):
        kind = "a checkpoint (a pickle in an archive)" if "data.pkl" in inner else "an archive of something else"
        raise RtraveError(f"{path} is {kind}, no TorchScript: export the model to TorchScript")


def check_checkpoint(path: Path) -> None:
    """Refuse what is no archive of a checkpoint; one line of `RtraveError`."""
    inner = read_names(path, "checkpoint", "nothing but torch's own archives is opened")
    if "constants.pkl" in inner:
        raise RtraveError(f"{path} is TorchScript, no checkpoint: let its name end in .ts")
    if "data.pkl" not in inner:
        raise RtraveError(f"{path} is an archive of something else, no checkpoint: give the .ckpt of a RAVE run")


def root_class(path: Path) -> str:
    """The class of the object that a TorchScript archive holds; its pickle is read as text, nothing is run."""
    check_archive(path)
    try:
        with zipfile.ZipFile(path) as archive:
            name = next(name for name in archive.namelist() if name.partition("/")[2] == "data.pkl")
            with archive.open(name) as file:
                words = next(arg for op, arg, _ in pickletools.genops(file) if op.name == "GLOBAL")
    except (OSError, zipfile.BadZipFile, ValueError, StopIteration, EOFError) as error:
        raise RtraveError(f"{path} is damaged or no TorchScript ({error}): fetch or export it again") from error
    return str(words).split()[-1]


def is_official(path: Path) -> bool:
    """Whether a TorchScript file is an export of RAVE's own, which can be rebuilt as a native model."""
    return root_class(path).endswith(OFFICIAL)
