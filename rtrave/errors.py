"""Errors that a user can mend: one line that says what came, what was expected and what to do."""


class RtraveError(Exception):
    """A user's mistake or a refused input; its text is one line. The command line prints it and exits 1."""


class ControlError(RtraveError):
    """A control message that was refused; nothing was changed by it.

    Parameters
    ----------
    code : str
        One of unknown-address, bad-type, bad-count, not-finite, out-of-range, bad-name, busy, late, denied,
        rate-limited.
    text : str
        One line: what came, what was expected.
    argument : int
        Index of the argument at fault, -1 where none is.
    """

    def __init__(self, code: str, text: str, argument: int = -1) -> None:
        super().__init__(text)
        self.code = code
        self.argument = argument
