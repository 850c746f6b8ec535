"""`rtrave export`: write a model for other programs."""

from __future__ import annotations

import argparse
from pathlib import Path

from rtrave.cli.convert import load_told
from rtrave.cli.destination import check_destination
from rtrave.cli.options import tell
from rtrave.errors import RtraveError


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add this module's command to the parser."""
    parser = commands.add_parser(
        "export",
        help="write a model for other programs",
        description="Write a model for other programs: a folder of ONNX graphs with a description (docs/formats.md), "
        "or one TorchScript file for nn~.",
    )
    parser.add_argument("model", metavar="MODEL", help="a name that 'rtrave models' lists, or a model's file or folder")
    parser.add_argument(
        "destination", type=Path, metavar="DEST", help="a folder (onnx), or a file such as voice.ts (nn-tilde)"
    )
    parser.add_argument(
        "--format",
        required=True,
        choices=("onnx", "nn-tilde"),
        help="onnx, or nn-tilde, which needs the package nn-tilde; rtrave does not install it",
    )
    parser.add_argument("--force", action="store_true", help="overwrite existing files")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    written = to_onnx(arguments) if arguments.format == "onnx" else to_nn_tilde(arguments)
    print("\n".join(str(path) for path in written))
    return 0


def to_onnx(arguments: argparse.Namespace) -> list[Path]:
    """Write a folder with the graphs and their description; return the paths of the files."""
    from rtrave.export.onnx_files import export_onnx

    folder: Path = arguments.destination
    if folder.exists() and not folder.is_dir():
        raise RtraveError(f"DEST: expected a folder, got the file '{folder}': give a folder for the ONNX files")
    if folder.is_dir() and any(folder.iterdir()) and not arguments.force:
        raise RtraveError(
            f"DEST: expected an empty or new folder, got '{folder}', which is not empty: give another one, or --force "
            "to overwrite files in it"
        )
    if not folder.parent.is_dir():
        raise RtraveError(f"DEST: no folder '{folder.parent}' for '{folder.name}': make it first")
    model = load_told(arguments.model)
    try:
        folder.mkdir(exist_ok=True)
        return export_onnx(model, folder)
    except OSError as error:
        raise RtraveError(f"cannot write to '{folder}': {error.strerror or error}") from error


def to_nn_tilde(arguments: argparse.Namespace) -> list[Path]:
    """Write a `.ts` file, after a note on stderr about its licence; return its path in a list."""
    from rtrave.export.nn_tilde import LICENCE_NOTE, export_nn_tilde, find_package

    path: Path = arguments.destination
    if path.suffix != ".ts":
        path = path.with_name(path.name + ".ts")
    check_destination(path)
    if path.exists() and not arguments.force:
        raise RtraveError(f"DEST: '{path}' exists: give another name, or --force to overwrite it")
    find_package()
    tell(f"note: {LICENCE_NOTE}")
    return [export_nn_tilde(load_told(arguments.model), path)]
