"""One audio process as its parent sees it: commands to its stdin, events from its stdout. Control process."""

from __future__ import annotations

import queue
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import IO

from rtrave.errors import RtraveError
from rtrave.ipc.codec import decode_event, encode
from rtrave.ipc.messages import Command, Event, Start

COMMAND = (sys.executable, "-m", "rtrave.audio.process")


class AudioChild:
    """A running audio process.

    Parameters
    ----------
    start : Start
        Its first command.
    log : Path
        File to append its stderr to.

    Attributes
    ----------
    process : subprocess.Popen
    started_s : float
        time.monotonic() of its start.
    """

    def __init__(self, start: Start, log: Path) -> None:
        with log.open("ab") as errors:
            self.process = subprocess.Popen(COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors)
        self.started_s = time.monotonic()
        self._events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        threading.Thread(target=self._listen, args=(self.process.stdout,), daemon=True).start()
        self.send(start)

    def _listen(self, lines: IO[bytes]) -> None:
        for line in lines:
            try:
                self._events.put(decode_event(line))
            except RtraveError:  # a library's own print
                continue

    def send(self, command: Command) -> None:
        """Write one command; nothing where the process has ended. Any thread."""
        try:
            self.process.stdin.write(encode(command))  # type: ignore[union-attr]
            self.process.stdin.flush()  # type: ignore[union-attr]
        except OSError:
            pass

    def next_event(self, timeout_s: float) -> Event | None:
        """Return the next event, or None after the timeout."""
        try:
            return self._events.get(timeout=timeout_s) if timeout_s > 0 else self._events.get_nowait()
        except queue.Empty:
            return None

    def kill(self) -> None:
        """End it by its id, now."""
        self.process.kill()
        self.process.wait()
