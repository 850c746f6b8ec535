"""Errors that a user can correct. The text is one line: what was expected, what was given, what to do."""


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
