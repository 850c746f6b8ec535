"""The parser accepts every command of README.md and docs, and every option that they name exists."""

import argparse
import re
import shlex
from pathlib import Path

import pytest

from rtrave.cli.main import build_parser

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
COMMAND = re.compile(r"(?m)^(?:.* && )?(rtrave [a-z].*)$")
# Options of scripts, pip and curl, which stand in the same pages.
ELSEWHERE = {
    "--instruments", "--sound-font", "--notes", "--count", "--table", "--attempts", "--no-deps", "--quick", "--hops",
}  # fmt: skip


def commands():
    """Every line of a block of code that begins with the program's name, as words."""
    for page in PAGES:
        for language, block in re.findall(r"(?ms)^```(\w*)\n(.*?)^```$", page.read_text(encoding="utf-8")):
            for line in COMMAND.findall(block) if not language else []:
                words = shlex.split(line.partition(" > ")[0], comments=True)
                yield pytest.param(words[1:], id=" ".join(words))


def options():
    """Every option of every command."""
    (subparsers,) = (a for a in build_parser()._actions if isinstance(a, argparse._SubParsersAction))
    return {flag for parser in subparsers.choices.values() for a in parser._actions for flag in a.option_strings}


@pytest.mark.parametrize("words", list(commands()))
def test_it_parses(words):
    build_parser().parse_args(words)


def test_there_are_commands():
    assert len(list(commands())) > 40


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_option_named_exists(page):
    text = page.read_text(encoding="utf-8")
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", text))
    assert named <= options() | ELSEWHERE
