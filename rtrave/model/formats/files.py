"""Files of a model. Needs no torch: the cache of compiled graphs hashes them."""

from __future__ import annotations

from pathlib import Path

from rtrave.errors import RtraveError

CONFIG = "config.gin"
FOLDERS_UP = 4  # the checkpoints of a run folder lie two folders below its configuration


def find_config(checkpoint: Path) -> Path:
    """Return the configuration of a checkpoint, from its folder or one of up to four above it."""
    folders = checkpoint.resolve().parents[: FOLDERS_UP + 1]
    found = next((folder / CONFIG for folder in folders if (folder / CONFIG).is_file()), None)
    if found is None:
        raise RtraveError(
            f"'{checkpoint}': expected {CONFIG} in its folder or the {FOLDERS_UP} above it, got none: put it beside it"
        )
    return found


def find_checkpoint(folder: Path) -> Path:
    """Return the best checkpoint of the latest version of a run, or else the newest checkpoint."""
    found = [*folder.glob("version_*/checkpoints/*.ckpt"), *folder.glob("*.ckpt")]
    found = sorted((path for path in found if path.is_file()), key=_age)
    if not found:
        raise RtraveError(f"'{folder}': expected version_N/checkpoints/*.ckpt, got none: give a RAVE run folder")
    best = [path for path in found if path.name.startswith("best")]
    return (best or found)[-1]


def _age(checkpoint: Path) -> tuple[int, float]:
    version = checkpoint.parents[1].name.removeprefix("version_")
    return int(version) if version.isdecimal() else -1, checkpoint.stat().st_mtime


def run_files(path: Path) -> tuple[Path, Path]:
    """Return configuration and checkpoint of a run folder, or of a checkpoint in one."""
    if path.suffix == ".ckpt" and not path.is_dir():
        return find_config(path), path
    if not (path / CONFIG).is_file():
        raise RtraveError(f"'{path}': expected {CONFIG}, got none: give a RAVE run folder")
    return path / CONFIG, find_checkpoint(path)


def model_files(path: Path) -> tuple[Path, ...]:
    """Return every file that a model depends on: the file itself, or configuration and checkpoint of a run."""
    return run_files(path) if path.is_dir() or path.suffix == ".ckpt" else (path,)
