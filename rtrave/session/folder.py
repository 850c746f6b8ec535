"""The folders of takes."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from rtrave.control.arguments import tag as checked_tag
from rtrave.errors import RtraveError


def new_folder(parent: Path, tag: str = "", when: datetime | None = None) -> Path:
    """Create a new folder for a take, `YYYYmmdd-HHMMSS[-tag]`, with -2, -3, ... where that exists.

    Parameters
    ----------
    parent : Path
        Folder of all takes; created where it is missing.
    tag : str
        Empty, or 1 to 64 of `A-Za-z0-9_-`.
    when : datetime, optional
        Local time; now where None.

    Returns
    -------
    Path
        The folder: new and empty.

    Raises
    ------
    ControlError
        `bad-name`: the tag is not allowed.
    RtraveError
        The folder cannot be created.
    """
    name = f"{when or datetime.now():%Y%m%d-%H%M%S}" + (f"-{checked_tag(tag)}" if tag else "")
    number = 1
    while True:
        folder = parent / (name if number == 1 else f"{name}-{number}")
        try:
            parent.mkdir(parents=True, exist_ok=True)
            folder.mkdir()
            return folder
        except FileExistsError as error:
            if not parent.is_dir():
                raise cannot_record(parent, error) from error
            number += 1
        except OSError as error:
            raise cannot_record(parent, error) from error


def cannot_record(folder: Path, error: OSError) -> RtraveError:
    """Return the error of a take that cannot be created."""
    reason = error.strerror or error
    return RtraveError(f"cannot record into '{folder}': {reason}: choose another folder with --sessions-dir")
