"""The OSC server's thread: rounds of waiting and working that no fault ends."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

FLOOD_S = 0.001  # rounds that follow each other faster are slowed down by a rest
REST_S = 0.0005


class ServerThread:
    """A thread that repeats `wait` and then `parts` until it is stopped.

    Parameters
    ----------
    wait : callable
        Waits until there is work, or for a short while.
    wake : callable
        Ends `wait`; any thread may call it.
    parts : sequence of callable
        The work of one round. A part that raises does not keep the next ones from running.
    on_fault : callable
        Called while an exception of a part is handled.
    on_end : callable
        Called when the rounds end, by `stop` or by a fault of this class.
    """

    def __init__(
        self,
        wait: Callable[[], object],
        wake: Callable[[], object],
        parts: Sequence[Callable[[], object]],
        on_fault: Callable[[], object],
        on_end: Callable[[], object],
    ) -> None:
        self._wait, self._wake, self._parts = wait, wake, parts
        self._on_fault, self._on_end = on_fault, on_end
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="osc", daemon=True)

    def start(self) -> None:
        """Start the rounds. Call once."""
        self._thread.start()

    def stop(self) -> None:
        """End the rounds after the current one, and wait for that. Any other thread; before `start`, too."""
        self._stopping.set()
        if self._thread.is_alive():
            self._wake()
            self._thread.join()

    def _run(self) -> None:
        try:
            rested_s = 0.0
            while not self._stopping.is_set():
                self._wait()
                if time.monotonic() - rested_s < FLOOD_S:
                    time.sleep(REST_S)  # in a flood one burst of many costs far less than many of one
                rested_s = time.monotonic()
                self._round()
        finally:
            self._on_end()

    def _round(self) -> None:
        for part in self._parts:
            try:
                part()
            except Exception:  # a fault of ours must not take the controls from a running sound
                self._on_fault()
