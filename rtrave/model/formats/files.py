"""Which files a model is made of. Needs no torch: the names of compiled graphs come from these."""

from __future__ import annotations

from pathlib import Path

from rtrave.errors import RtraveError

CONFIG = "config.gin"
FOLDERS_UP = 4  # a run folder's checkpoints lie two folders below its configuration


def find_config(checkpoint: Path) -> Path:
    """The configuration of a checkpoint: in its own folder, or in one of up to four above it."""
    folders = checkpoint.resolve().parents[: FOLDERS_UP + 1]
    found = next((folder / CONFIG for folder in folders if (folder / CONFIG).is_file()), None)
    if found is None:
        raise RtraveError(
            f"{checkpoint} has no {CONFIG} in its folder or the {FOLDERS_UP} above it: put the one of its run beside it"
        )
    return found


def find_checkpoint(folder: Path) -> Path:
    """The best checkpoint of a run's latest version, or else the newest one."""
    found = [*folder.glob("version_*/checkpoints/*.ckpt"), *folder.glob("*.ckpt")]
    found = sorted((path for path in found if path.is_file()), key=_age)
    if not found:
        raise RtraveError(f"{folder} holds no version_N/checkpoints/*.ckpt: give a RAVE run folder")
    best = [path for path in found if path.name.startswith("best")]
    return (best or found)[-1]


def _age(checkpoint: Path) -> tuple[int, float]:
    version = checkpoint.parents[1].name.removeprefix("version_")
    return int(version) if version.isdecimal() else -1, checkpoint.stat().st_mtime


def run_files(path: Path) -> tuple[Path, Path]:
    """Configuration and checkpoint of a run folder, or of a checkpoint in one."""
    if path.suffix == ".ckpt" and not path.is_dir():
        return find_config(path), path
    if not (path / CONFIG).is_file():
        raise RtraveError(f"{path} holds no {CONFIG}: give a RAVE run folder")
    return path / CONFIG, find_checkpoint(path)


def model_files(path: Path) -> tuple[Path, ...]:
    """Every file that decides what a model is: the file itself, or configuration and checkpoint of a run."""
    return run_files(path) if path.is_dir() or path.suffix == ".ckpt" else (path,)
