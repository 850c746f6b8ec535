"""Calls from other threads to the OSC server's thread, whose results come back in futures."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

from rtrave.errors import RtraveError

T = TypeVar("T")


class Calls:
    """A queue of functions to call on the server's thread.

    Parameters
    ----------
    wake : callable
        Ends the server's wait; any thread may call it.
    on_fault : callable
        Called while an exception is handled that is a fault of the program: any but an RtraveError.
    """

    def __init__(self, wake: Callable[[], object], on_fault: Callable[[], object]) -> None:
        self._wake, self._on_fault = wake, on_fault
        self._waiting: deque[Callable[[], bool]] = deque()
        self._open = True
        self._lock = threading.Lock()  # between `submit` and `close`, so that no future is left behind

    def submit(self, function: Callable[[], T]) -> Future[T]:
        """Call `function` soon on the server's thread. Any thread.

        Returns
        -------
        Future
            The result, or the exception. An RtraveError where the server has ended, or ends before the call.
        """
        future: Future[T] = Future()

        def act() -> bool:
            return self._act(function, future)

        with self._lock:
            if self._open:
                self._waiting.append(act)
            else:
                future.set_exception(_ended())
        self._wake()
        return future

    def run(self) -> bool:
        """Make the calls that are waiting; return whether there were any. The server's thread."""
        any_made = False
        while self._waiting:
            any_made |= self._waiting.popleft()()
        return any_made

    def close(self) -> None:
        """Fail the calls that are still waiting, and all later ones. Call it when the server's thread has ended."""
        with self._lock:
            self._open = False
        self.run()

    def _act(self, function: Callable[[], T], future: Future[T]) -> bool:
        if not future.set_running_or_notify_cancel():
            return False
        if not self._open:
            future.set_exception(_ended())
            return False
        try:
            result = function()
        except RtraveError as error:
            future.set_exception(error)
        except BaseException as error:
            self._on_fault()
            future.set_exception(error)
        else:
            future.set_result(result)
        return True


def _ended() -> RtraveError:
    return RtraveError("the OSC server has ended: start again")
