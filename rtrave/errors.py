"""Errors that a user can correct. The text is one line: what was expected, what was given, what to do."""

from __future__ import annotations

import traceback


class RtraveError(Exception):
    """Invalid input or a failure that the user can correct; the text is one line.

    The command line prints the text to stderr and exits with code 1.
    """


class ControlError(RtraveError):
    """A refused control message, which has changed nothing.

    Parameters
    ----------
    code : str
        One of unknown-address, bad-type, bad-count, not-finite, out-of-range, bad-name, busy, late, denied,
        rate-limited.
    text : str
        One line: what was expected, what was given.
    argument : int
        Index of the invalid argument; -1 if no single argument is invalid.
    """

    def __init__(self, code: str, text: str, argument: int = -1) -> None:
        super().__init__(text)
        self.code = code
        self.argument = argument


def fault_key(error: BaseException) -> tuple[str, str]:
    """Return type and place of a fault of the program: two faults with the same key are kept once."""
    frames = traceback.extract_tb(error.__traceback__)
    return type(error).__name__, f"{frames[-1].filename}:{frames[-1].lineno}" if frames else ""
