"""The command line, one module per command."""

from rtrave.cli.main import main

__all__ = ["main"]
