"""`rtrave import`: any RAVE model as one native file."""

from __future__ import annotations

import argparse
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from rtrave.cli.options import tell
from rtrave.errors import RtraveError
from rtrave.settings import models_dir

if TYPE_CHECKING:
    from rtrave.model.rave import Model

ENDING = ".safetensors"


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add this module's command to the parser."""
    parser = commands.add_parser(
        "import",
        help="turn a RAVE model into one .safetensors file",
        description=f"Turn a RAVE model into one .safetensors file. In {models_dir()} it is known by its name.",
    )
    parser.add_argument(
        "source",
        metavar="SRC",
        help="a run folder (config.gin and a checkpoint), a .ckpt beside its config.gin, or RAVE's own .ts export",
    )
    parser.add_argument(
        "destination", type=Path, metavar="DEST.safetensors", help="the file to write; the ending may be left out"
    )
    parser.add_argument("--provenance", default="", metavar="TEXT", help="where the model comes from, kept in the file")
    parser.add_argument("--half", action="store_true", help="round the weights to 16 bits: a file half as long")
    parser.add_argument("--force", action="store_true", help="write over a file that is there already")
    parser.set_defaults(run=run)


def load_told(name: str | Path) -> Model:
    """Load a model; what a user must know of it goes to stderr, a line each."""
    from rtrave.model.formats.load import load

    with warnings.catch_warnings(record=True) as notes:
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", UserWarning)
        model = load(name)
    for note in notes:
        tell(str(note.message))
    return model


def native_path(destination: Path) -> Path:
    """The file to write: with its ending, where none was given."""
    if destination.suffix == ENDING:
        return destination
    if destination.suffix in (".bin", ".ckpt", ".onnx", ".pt", ".pth", ".ts"):
        raise RtraveError(f"{destination}: give a destination that ends in {ENDING}")
    return destination.with_name(destination.name + ENDING)  # "voice.v2" is a name, not an ending


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    from rtrave.model.formats.native import save_native

    destination = native_path(arguments.destination)
    if destination.parent == models_dir():
        destination.parent.mkdir(parents=True, exist_ok=True)
    if not destination.parent.is_dir():
        raise RtraveError(f"cannot write {destination}: there is no folder {destination.parent}: make it first")
    if destination.exists() and not arguments.force:
        raise RtraveError(f"{destination} is there already: give another name, or --force to write over it")
    model = load_told(arguments.source)
    model.name = destination.stem
    save_native(model, destination, arguments.provenance, half=arguments.half)
    print(f"{destination}: {model.spec.parameters:,} parameters, {model.spec.full_latent_size} latent dimensions")
    return 0
