"""The output of a live run: notes, and its state as a screen refreshed in place or as plain lines."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.live import Live

from rtrave.player import terminal
from rtrave.player.view import View

CLOSING_LINES = 4  # of the last screen's height, left to the closing lines
NOTE_S = 20.0  # time that a note stays on the screen
KEPT_NOTES = 10

_LOG = logging.getLogger("rtrave.run")


class Display:
    """A console and the latest notes. `note`: any thread; the rest: main thread."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._whole_screen = console.is_terminal and not console.is_dumb_terminal
        self._notes: list[tuple[float, str]] = []  # monotonic seconds, text

    def note(self, text: str) -> None:
        """Show a note on the screen for a while, or as a line at once where there is no screen; log it."""
        _LOG.info(text)
        self._notes = [*self._notes[1 - KEPT_NOTES :], (time.monotonic(), text)]
        if not self._whole_screen:
            self.say(text)

    def notes(self) -> list[str]:
        """Return the notes that are to be shown now, oldest first."""
        return [text for noted_s, text in self._notes if time.monotonic() - noted_s < NOTE_S]

    def say(self, text: str) -> None:
        """Print a line that stays."""
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)

    @contextlib.contextmanager
    def running(self, view: Callable[[], View]) -> Iterator[Callable[[View], None]]:
        """Yield a callable that shows a state of the run. After the body the last state stays to be read."""
        console = self._console
        if self._whole_screen:
            # On the alternate screen each refresh writes over the last one and erases nothing: no flicker.
            with Live(console=console, screen=True, auto_refresh=False) as live:
                yield lambda state: live.update(terminal.screen(state, console.height), refresh=True)
            console.print(terminal.screen(view(), console.height - CLOSING_LINES))
            return
        terminal.print_header(console, view())
        shown_s = time.monotonic()

        def show(state: View) -> None:
            nonlocal shown_s
            if time.monotonic() - shown_s >= terminal.PLAIN_PERIOD_S:
                shown_s = time.monotonic()
                terminal.print_line(console, state)

        yield show
