"""`rtrave models`: what --model knows by name."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from rtrave.errors import RtraveError
from rtrave.model.formats.archive import is_official
from rtrave.model.formats.files import run_files
from rtrave.model.registry import model_folders, read_header, registered_models
from rtrave.model.spec import ModelSpec
from rtrave.settings import assets_dir, models_dir

FACTS = ("architecture", "sample_rate", "ratio", "channels", "latent_size", "full_latent_size")


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add this module's command to the parser."""
    parser = commands.add_parser(
        "models",
        help="list the models that --model knows by name",
        description=f"List the models that --model knows by name: those that come with rtrave, those in {models_dir()} "
        "and those in the folders that RTRAVE_PATH names. Models are .safetensors files, RAVE run folders and "
        "TorchScript files (.ts); of two with one name the later one counts.",
    )
    parser.add_argument("--json", action="store_true", help="as JSON")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    found = [describe(name, path) for name, path in sorted(registered_models().items())]
    found += [entry for folder in model_folders() if (entry := unreadable(folder)) is not None]
    if arguments.json:
        print(json.dumps(found, indent=1))
        return 0
    for entry in found:
        print(line_of(entry))
    return 0


def describe(name: str, path: Path) -> dict[str, Any]:
    """What is known of a model without opening its weights; `error` says why it cannot be played."""
    entry: dict[str, Any] = {"name": name, "format": format_of(path), "path": str(path)}
    entry |= dict.fromkeys(FACTS) | {"error": None}
    try:
        if path.is_dir():
            run_files(path)
        elif path.suffix == ".ts":
            entry["format"] = script_format(path)
        else:
            spec = ModelSpec.from_json(read_header(path)["spec"])
            entry |= {fact: getattr(spec, fact) for fact in FACTS}
    except RtraveError as error:
        entry["error"] = str(error)
    return entry


def format_of(path: Path) -> str:
    """A word for what a model is kept in, by its name."""
    if path.is_dir():
        return "run folder"
    return {".safetensors": "native", ".ckpt": "checkpoint", ".ts": "TorchScript"}.get(path.suffix, "unknown")


def script_format(path: Path) -> str:
    """Whether a TorchScript file can be rebuilt; RtraveError where it is none."""
    return "export" if is_official(path) else "script"


def unreadable(folder: Path) -> dict[str, Any] | None:
    """An entry for a folder that was named and cannot be listed."""
    if folder in (assets_dir(), models_dir()) and not folder.exists():
        return None  # nobody has put a model there yet
    try:
        next(folder.iterdir(), None)
    except OSError as error:
        reason = f"cannot list {folder}: {error.strerror or error}: mend RTRAVE_PATH"
        return {"name": None, "format": "folder", "path": str(folder), **dict.fromkeys(FACTS), "error": reason}
    return None


def line_of(entry: dict[str, Any]) -> str:
    """One line for people."""
    name = entry["name"] or entry["path"]
    if entry["error"]:
        return f"{name}: not playable: {entry['error']}"
    if entry["architecture"] is None:
        return f"{name}: {entry['format']}, {entry['path']}"
    return (
        f"{name}: {entry['architecture']}, {entry['sample_rate']} Hz, {entry['channels']} channel(s), "
        f"{entry['full_latent_size']} latent dimensions, ratio {entry['ratio']}"
    )
