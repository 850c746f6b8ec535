"""`rtrave export`: a model for other programs."""

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
        "destination", type=Path, metavar="DEST", help="onnx: a folder; nn-tilde: a file, e.g. voice.ts"
    )
    parser.add_argument(
        "--format",
        required=True,
        choices=("onnx", "nn-tilde"),
        help="nn-tilde needs the package of that name, which is not installed with rtrave",
    )
    parser.add_argument("--force", action="store_true", help="write over what is there already")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    written = to_onnx(arguments) if arguments.format == "onnx" else to_nn_tilde(arguments)
    print("\n".join(str(path) for path in written))
    return 0


def to_onnx(arguments: argparse.Namespace) -> list[Path]:
    """A folder with graphs and description."""
    from rtrave.export.onnx_files import export_onnx

    folder: Path = arguments.destination
    if folder.exists() and not folder.is_dir():
        raise RtraveError(f"{folder} is a file: give a folder for the ONNX files")
    if folder.is_dir() and any(folder.iterdir()) and not arguments.force:
        raise RtraveError(f"{folder} is not empty: give another folder, or --force to write over files in it")
    if not folder.parent.is_dir():
        raise RtraveError(f"cannot write {folder}: there is no folder {folder.parent}: make it first")
    model = load_told(arguments.model)
    try:
        folder.mkdir(exist_ok=True)
        return export_onnx(model, folder)
    except OSError as error:
        raise RtraveError(f"cannot write to {folder}: {error.strerror or error}") from error


def to_nn_tilde(arguments: argparse.Namespace) -> list[Path]:
    """A `.ts` file; whose licence it is under is told first."""
    from rtrave.export.nn_tilde import LICENCE_NOTE, export_nn_tilde, find_package

    path: Path = arguments.destination
    if path.suffix != ".ts":
        path = path.with_name(path.name + ".ts")
    check_destination(path)
    if path.exists() and not arguments.force:
        raise RtraveError(f"{path} is there already: give another name, or --force to write over it")
    find_package()
    tell(f"note: {LICENCE_NOTE}")
    return [export_nn_tilde(load_told(arguments.model), path)]
