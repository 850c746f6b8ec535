"""`rtrave models`: list the models that --model knows by name."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from rtrave.errors import RtraveError
from rtrave.model.formats.archive import is_official
from rtrave.model.formats.files import run_files
from rtrave.model.registry import model_folders, read_header, registered_models
from rtrave.model.spec import ModelSpec
from rtrave.settings import assets_dir, models_dir


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A listed model; `rtrave models --json` prints each field under its own name.

    Attributes
    ----------
    name : str or None
        None for a folder that cannot be listed.
    format, path : str
    architecture, sample_rate, ratio, channels, latent_size, full_latent_size
        As in `ModelSpec`; None where the file does not tell without being opened.
    error : str or None
        Why the model cannot be played.
    """

    name: str | None
    format: str
    path: str
    architecture: str | None = None
    sample_rate: int | None = None
    ratio: int | None = None
    channels: int | None = None
    latent_size: int | None = None
    full_latent_size: int | None = None
    error: str | None = None


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add this module's command to the parser."""
    parser = commands.add_parser(
        "models",
        help="list the models that --model knows by name",
        description=f"List the models that --model knows by name: those that come with rtrave, those in {models_dir()} "
        "and those in the folders that RTRAVE_PATH names. Models are .safetensors files, RAVE run folders and "
        "TorchScript files (.ts). Of two models with one name rtrave takes the later one.",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    found = [describe(name, path) for name, path in sorted(registered_models().items())]
    found += [entry for folder in model_folders() if (entry := unreadable(folder)) is not None]
    if arguments.json:
        print(json.dumps([asdict(entry) for entry in found], indent=1))
        return 0
    for entry in found:
        print(line_of(entry))
    return 0


def describe(name: str, path: Path) -> Entry:
    """Return what is known of a model without opening its weights."""
    file_format = format_of(path)
    try:
        if path.is_dir():
            run_files(path)
        elif path.suffix == ".ts":
            file_format = torchscript_format(path)
        else:
            spec = ModelSpec.from_json(read_header(path)["spec"])
            return Entry(
                name=name,
                format=file_format,
                path=str(path),
                architecture=spec.architecture,
                sample_rate=spec.sample_rate,
                ratio=spec.ratio,
                channels=spec.channels,
                latent_size=spec.latent_size,
                full_latent_size=spec.full_latent_size,
            )
    except RtraveError as error:
        return Entry(name=name, format=file_format, path=str(path), error=str(error))
    return Entry(name=name, format=file_format, path=str(path))


def format_of(path: Path) -> str:
    """Return a word for the format of a model, by the name of its file or folder."""
    if path.is_dir():
        return "run folder"
    return {".safetensors": "native", ".ckpt": "checkpoint", ".ts": "TorchScript"}.get(path.suffix, "unknown")


def torchscript_format(path: Path) -> str:
    """Return "export" for RAVE's own TorchScript and "script" for a third party's; RtraveError for anything else."""
    return "export" if is_official(path) else "script"


def unreadable(folder: Path) -> Entry | None:
    """Return an entry for a folder that was named and cannot be listed."""
    if folder in (assets_dir(), models_dir()) and not folder.exists():
        return None  # nobody has put a model there yet
    try:
        next(folder.iterdir(), None)
    except OSError as error:
        reason = f"cannot list '{folder}': {error.strerror or error}: correct RTRAVE_PATH"
        return Entry(name=None, format="folder", path=str(folder), error=reason)
    return None


def line_of(entry: Entry) -> str:
    """Return an entry as one line for people."""
    name = entry.name or entry.path
    if entry.error:
        return f"{name}: not playable: {entry.error}"
    if entry.architecture is None:
        return f"{name}: {entry.format}, {entry.path}"
    return (
        f"{name}: {entry.architecture}, {entry.sample_rate} Hz, {entry.channels} channel(s), "
        f"{entry.full_latent_size} latent dimensions, ratio {entry.ratio}"
    )
