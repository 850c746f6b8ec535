"""Checks of a file that a command will write, made before the work begins."""

from __future__ import annotations

from pathlib import Path

from rtrave.errors import RtraveError


def check_destination(path: Path) -> None:
    """Raise an RtraveError where `path` is a folder, or lies in a folder that does not exist."""
    if path.is_dir():
        raise RtraveError(f"'{path}': expected a file to write, got a folder: name a file in it")
    if not path.parent.is_dir():
        raise RtraveError(
            f"'{path}': expected a file in an existing folder, got no folder '{path.parent}': make it first"
        )


def check_new(path: Path, force: bool) -> None:
    """Raise an RtraveError where `path` exists and `--force` was not given."""
    if path.exists() and not force:
        raise RtraveError(f"'{path}': expected a new file, got one that exists: choose another name, or add --force")


def check_ending(path: Path, ending: str) -> None:
    """Raise an RtraveError where the name of `path` does not end in `ending`, such as ".npy"."""
    if path.suffix != ending:
        raise RtraveError(f"'{path}': expected a name that ends in {ending}, got {path.suffix!r}: rename it")
