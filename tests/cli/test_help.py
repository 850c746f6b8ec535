"""Every command and option has a help text, and `rtrave` alone lists the commands."""

import argparse

import pytest

from rtrave.cli import main
from rtrave.cli.main import COMMANDS, build_parser


def parsers():
    """Name and parser of each command."""
    (commands,) = (a for a in build_parser()._actions if isinstance(a, argparse._SubParsersAction))
    return commands.choices


@pytest.mark.parametrize("name", parsers())
def test_every_command_and_every_option_has_words(name, capsys):
    parser = parsers()[name]
    assert parser.description
    assert all(action.help for action in parser._actions)
    with pytest.raises(SystemExit) as end:
        main([name, "--help"])
    assert end.value.code == 0
    assert f"usage: rtrave {name}" in capsys.readouterr().out


def test_alone_it_lists_the_commands(capsys):
    assert main([]) == 1
    text = capsys.readouterr().out
    assert all(f"\n    {name}" in text for name in parsers())
    assert len(parsers()) >= len(COMMANDS)


def test_the_version(capsys):
    from rtrave import __version__

    with pytest.raises(SystemExit) as end:
        main(["--version"])
    assert end.value.code == 0
    assert capsys.readouterr().out == f"rtrave {__version__}\n"
