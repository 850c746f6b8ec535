"""`rtrave import`: write any RAVE model as one native file."""

from __future__ import annotations

import argparse
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from rtrave.cli.destination import check_destination, check_new
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
        description=f"Turn a RAVE model into one .safetensors file. --model knows the files in {models_dir()} by name.",
    )
    parser.add_argument(
        "source",
        metavar="SRC",
        help="a run folder (config.gin and a checkpoint), a .ckpt beside its config.gin, or RAVE's own .ts export",
    )
    parser.add_argument(
        "destination",
        type=Path,
        metavar="DEST.safetensors",
        help="the file to write; rtrave adds the ending where it is missing",
    )
    parser.add_argument("--provenance", default="", metavar="TEXT", help="the origin of the model, stored in the file")
    parser.add_argument("--half", action="store_true", help="round the weights to 16 bits, for a file half as long")
    parser.add_argument("--force", action="store_true", help="overwrite an existing file")
    parser.set_defaults(run=run)


def load_told(name: str | Path) -> Model:
    """Load a model and print each of its warnings as a line on stderr."""
    from rtrave.model.formats.load import load

    with warnings.catch_warnings(record=True) as notes:
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", UserWarning)
        model = load(name)
    for note in notes:
        tell(str(note.message))
    return model


def native_path(destination: Path) -> Path:
    """Return the file to write, with its ending; RtraveError for the ending of another kind of model."""
    if destination.suffix == ENDING:
        return destination
    if destination.suffix in (".bin", ".ckpt", ".onnx", ".pt", ".pth", ".ts"):
        raise RtraveError(
            f"'{destination}': expected a name that ends in {ENDING}, got {destination.suffix!r}: rename it"
        )
    return destination.with_name(destination.name + ENDING)  # "voice.v2" is a name, not an ending


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    from rtrave.model.formats.native import save_native

    destination = native_path(arguments.destination)
    if destination.parent == models_dir():
        destination.parent.mkdir(parents=True, exist_ok=True)
    check_destination(destination)
    check_new(destination, arguments.force)
    model = load_told(arguments.source)
    model.name = destination.stem
    save_native(model, destination, arguments.provenance, half=arguments.half)
    print(f"{destination}: {model.spec.parameters:,} parameters, {model.spec.full_latent_size} latent dimensions")
    return 0
