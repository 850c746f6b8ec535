"""`rtrave models` and `rtrave import`."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from rtrave.errors import RtraveError
from rtrave.model.registry import read_header, registered_models
from rtrave.model.spec import ModelSpec
from rtrave.settings import models_dir


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add this module's commands to the parser."""
    models = commands.add_parser(
        "models",
        help="list the models that --model knows by name",
        description=f"List the models that --model knows by name: those that come with rtrave, and the .safetensors "
        f"files in {models_dir()}.",
    )
    models.add_argument("--json", action="store_true", help="as JSON")
    models.set_defaults(run=run_models)
    importer = commands.add_parser(
        "import",
        help="turn a RAVE run folder into one .safetensors file",
        description=f"Turn a RAVE run folder into one .safetensors file. In {models_dir()} it is known by its name.",
    )
    importer.add_argument("source", type=Path, metavar="SRC", help="a run folder (config.gin and a checkpoint)")
    importer.add_argument("destination", type=Path, metavar="DEST.safetensors", help="the file to write")
    importer.add_argument(
        "--provenance", default="", metavar="TEXT", help="where the model comes from, kept in the file"
    )
    importer.set_defaults(run=run_import)


def run_models(arguments: argparse.Namespace) -> int:
    """Run `rtrave models`."""
    found = []
    for name, path in sorted(registered_models().items()):
        spec = ModelSpec.from_json(read_header(path)["spec"])
        found.append({
            "name": name, "architecture": spec.architecture, "sample_rate": spec.sample_rate, "ratio": spec.ratio,
            "channels": spec.channels, "latent_size": spec.latent_size, "full_latent_size": spec.full_latent_size,
            "path": str(path),
        })  # fmt: skip
    if arguments.json:
        print(json.dumps(found, indent=1))
        return 0
    for model in found:
        print(
            f"{model['name']}: {model['architecture']}, {model['sample_rate']} Hz, {model['channels']} channel(s), "
            f"{model['full_latent_size']} latent dimensions, ratio {model['ratio']}"
        )
    return 0


def run_import(arguments: argparse.Namespace) -> int:
    """Run `rtrave import`."""
    from rtrave.model.formats.load import load
    from rtrave.model.formats.native import save_native

    destination: Path = arguments.destination
    if destination.suffix != ".safetensors":
        raise RtraveError(f"{destination}: give a destination that ends in .safetensors")
    if destination.parent == models_dir():
        destination.parent.mkdir(parents=True, exist_ok=True)
    if not destination.parent.is_dir():
        raise RtraveError(f"cannot write {destination}: there is no folder {destination.parent}: make it first")
    model = load(arguments.source)
    model.name = destination.stem
    save_native(model, destination, arguments.provenance)
    print(f"{destination}: {model.spec.parameters:,} parameters, {model.spec.full_latent_size} latent dimensions")
    return 0
