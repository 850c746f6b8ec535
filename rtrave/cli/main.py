"""`rtrave COMMAND`: parse, run, and turn every user error into one line and exit code 1."""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Callable, Sequence
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


# argparse's own messages -> the same as "expected X, got Y". Python 3.11 quotes each choice, later ones do not.
REWORDED: tuple[tuple[str, Callable[[re.Match[str]], str]], ...] = (
    (
        r"argument (.+): invalid choice: ('.*?') \(choose from (.+)\)",
        lambda found: f"{found[1]}: expected one of {found[3].replace(chr(39), '')}, got {found[2]}",
    ),
    (
        r"argument (.+): invalid (?:float|int) value: ('.*')",
        lambda found: f"{found[1]}: expected a number, got {found[2]}",
    ),
    (r"argument (.+): expected one argument", lambda found: f"{found[1]}: expected a value, got none"),
    (r"the following arguments are required: (.+)", lambda found: f"expected {found[1]}, got nothing"),
    (r"unrecognized arguments: (.+)", lambda found: f"expected the options of this command, got {found[1]}"),
    (r"argument (.+)", lambda found: found[1]),
)


class Parser(argparse.ArgumentParser):
    """Parser that raises its errors as one line: "--option: expected X, got Y: see ..."."""

    def error(self, message: str) -> NoReturn:
        """Raise an RtraveError in place of argparse's page of usage and exit code 2."""
        for pattern, words in REWORDED:
            if found := re.fullmatch(pattern, message):
                message = words(found)
                break
        raise RtraveError(f"{message}: see '{self.prog} --help'")


def build_parser() -> argparse.ArgumentParser:
    """Return the parser with all commands."""
    parser = Parser(
        prog="rtrave",
        description="Play RAVE models in real time: sound in, latents that you move, sound out.",
        epilog="'rtrave COMMAND --help' lists the options of a command.",
    )
    parser.add_argument("--version", action="version", version=f"rtrave {__version__}")
    parser.set_defaults(run=lambda _: print_help(parser))
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    for module in COMMANDS:
        module.add_commands(commands)
    return parser


def print_help(parser: argparse.ArgumentParser) -> int:
    """Print the help, for `rtrave` without a command; exit code 1."""
    parser.print_help()
    return 1


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return the exit code of the process."""
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
    except BrokenPipeError:  # the reader of our output has left: Python must not print there at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
