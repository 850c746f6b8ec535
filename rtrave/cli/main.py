"""`rtrave COMMAND`: parses, runs, and turns every user error into one line and exit code 1."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from rtrave import __version__
from rtrave.cli import devices, live, models, render
from rtrave.errors import RtraveError

COMMANDS = (live, render, devices, models)


def build_parser() -> argparse.ArgumentParser:
    """The parser with all commands."""
    parser = argparse.ArgumentParser(prog="rtrave", description="Play RAVE models in real time.")
    parser.add_argument("--version", action="version", version=f"rtrave {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for module in COMMANDS:
        module.add_commands(commands)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the process's exit code."""
    arguments = build_parser().parse_args(argv)
    try:
        code: int = arguments.run(arguments)
        sys.stdout.flush()
        return code
    except RtraveError as error:
        print(f"rtrave: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # the reader of our output has left; nothing may be printed any more
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
