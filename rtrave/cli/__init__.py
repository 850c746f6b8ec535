"""The command line: each command in a module, with the options that several share in modules of their own."""

from rtrave.cli.main import main

__all__ = ["main"]
