"""`rtrave surface MODEL DEST`: write a control surface for a model."""

from __future__ import annotations

import argparse
from pathlib import Path

from rtrave.backends.opening import read_facts
from rtrave.cli.destination import check_destination, check_new
from rtrave.cli.options import compiled, known_calibration, natural, positive
from rtrave.control.calibration import calibrate
from rtrave.control.namespace import Controls
from rtrave.control.persisted import write_whole
from rtrave.control.vector import make_layout
from rtrave.errors import RtraveError
from rtrave.settings import DEFAULT_OSC_PORT
from rtrave.streaming.stream import attributes_of
from rtrave.surfaces.open_stage_control import session
from rtrave.surfaces.pure_data import patch

ENDINGS = {"open-stage-control": ".json", "pd": ".pd"}


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add this module's command to the parser."""
    parser = commands.add_parser(
        "surface",
        help="write a control surface for a model",
        description="Write a surface for Open Stage Control (.json) or Pure Data (.pd), with the latents in banks of "
        "sixteen. The ranges are those that 'rtrave calibrate' has learned.",
    )
    parser.add_argument("model", metavar="MODEL", help="a name that 'rtrave models' lists, or a model's file or folder")
    parser.add_argument("dest", type=Path, metavar="DEST", help="the file to write")
    parser.add_argument(
        "--format", choices=tuple(ENDINGS), help="format of the surface (default: by the ending of DEST)"
    )
    parser.add_argument("--host", default="127.0.0.1", metavar="H", help="host of rtrave (default: %(default)s)")
    parser.add_argument(
        "--osc-port",
        type=positive,
        default=DEFAULT_OSC_PORT,
        metavar="PORT",
        help="OSC port of rtrave (default: %(default)s)",
    )
    parser.add_argument(
        "--reply-port", type=natural, default=9001, metavar="PORT", help="pd: port of the patch (default: %(default)s)"
    )
    parser.add_argument("--force", action="store_true", help="overwrite an existing file")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    path: Path = arguments.dest
    kind = arguments.format or next((k for k, ending in ENDINGS.items() if ending == path.suffix), None)
    if kind is None:
        raise RtraveError(f"'{path}': expected a name that ends in .json or .pd, got {path.suffix!r}: give --format")
    check_destination(path)
    check_new(path, arguments.force)
    facts = read_facts(compiled(arguments.model))
    controls = Controls(make_layout(facts.spec.full_latent_size), attributes_of(facts.spec))
    calibration = known_calibration(arguments.model, facts.spec, facts.model_hash)
    if calibration is not None:
        calibrate(controls, calibration)
    if kind == "pd":
        text = patch(controls, arguments.host, arguments.osc_port, arguments.reply_port)
    else:
        text = session(controls, f"{arguments.host}:{arguments.osc_port}")
    write_whole(path, text)
    ranges = "calibrated" if calibration is not None else "the defaults, since the model is not calibrated"
    print(f"{path}: {facts.spec.full_latent_size} latents in banks of 16; the ranges are {ranges}")
    return 0
