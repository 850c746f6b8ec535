"""`rtrave COMMAND`: parses, runs, and turns every user error into one line and exit code 1."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from rtrave import __version__
from rtrave.cli import (
    bench,
    calibrate,
    check,
    convert,
    devices,
    encode,
    evaluate,
    export,
    info,
    latency,
    live,
    models,
    preset,
    render,
    surface,
    train,
)
from rtrave.errors import RtraveError

COMMANDS = (
    live,
    render,
    encode,
    devices,
    check,
    latency,
    models,
    info,
    bench,
    convert,
    export,
    preset,
    calibrate,
    surface,
    train,
    evaluate,
)


class Parser(argparse.ArgumentParser):
    """A parser whose errors are the program's: one line, exit code 1."""

    def error(self, message: str) -> NoReturn:
        """Raise what argparse would print under a page of usage."""
        raise RtraveError(f"{message}: see '{self.prog} --help'")


def build_parser() -> argparse.ArgumentParser:
    """The parser with all commands."""
    parser = Parser(
        prog="rtrave",
        description="Play RAVE models in real time: sound in, latents under your fingers, sound out.",
        epilog="'rtrave COMMAND --help' tells more of each.",
    )
    parser.add_argument("--version", action="version", version=f"rtrave {__version__}")
    parser.set_defaults(run=lambda _: print_help(parser))
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    for module in COMMANDS:
        module.add_commands(commands)
    return parser


def print_help(parser: argparse.ArgumentParser) -> int:
    """What `rtrave` alone does."""
    parser.print_help()
    return 1


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the process's exit code."""
    try:
        arguments = build_parser().parse_args(argv)
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
