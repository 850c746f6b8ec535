"""Calls from other threads: they run on the server's thread, return their result, and never hang."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import Future

import numpy as np
import pytest

from rtrave.control.namespace import Controls
from rtrave.control.vector import make_layout
from rtrave.errors import RtraveError
from rtrave.osc.server import OscServer

LIMIT_S = 5.0


class Running:
    """A server with its thread, and the vectors it published."""

    def __init__(self) -> None:
        self.published: list[np.ndarray] = []
        self.controls = Controls(make_layout(2))
        self.server = OscServer(self.controls, self._publish, {}, {}, port=0)

    def _publish(self, values: np.ndarray) -> None:
        self.published.append(values.copy())


@pytest.fixture
def running() -> Iterator[Running]:
    made = Running()
    yield made
    made.server.stop()


def test_the_result_comes_from_the_servers_thread_and_is_published(running: Running) -> None:
    running.server.start()

    def act() -> str:
        running.controls.set("/rtrave/mix", (0.5,))
        return threading.current_thread().name

    assert running.server.submit(act).result(LIMIT_S) == "osc"
    running.server.stop()
    assert running.published[-1][running.controls.layout.slots["mix"]] == 0.5


@pytest.mark.parametrize(("error", "faults"), [(RtraveError("no"), 0), (ZeroDivisionError("oops"), 1)])
def test_an_error_reaches_the_caller_and_a_fault_is_counted(running: Running, error: Exception, faults: int) -> None:
    running.server.start()

    def act() -> None:
        raise error

    with pytest.raises(type(error), match=str(error)):
        running.server.submit(act).result(LIMIT_S)
    assert running.server.submit(lambda: 1).result(LIMIT_S) == 1
    assert running.server.counts.faults == faults
    assert ("oops" in running.server.counts.last_fault) == bool(faults)


def test_calls_before_the_start_wait_for_it(running: Running) -> None:
    future = running.server.submit(lambda: 1)
    assert not future.done()
    running.server.start()
    assert future.result(LIMIT_S) == 1


@pytest.mark.parametrize("started", [False, True])
def test_calls_after_the_end_fail_at_once(running: Running, started: bool) -> None:
    early = running.server.submit(lambda: 1)
    if started:
        running.server.start()
        assert early.result(LIMIT_S) == 1
    running.server.stop()
    for future in (running.server.submit(lambda: 1), *([] if started else [early])):
        with pytest.raises(RtraveError, match="has ended"):
            future.result(0)


def test_no_call_stays_pending_when_the_server_ends(running: Running) -> None:
    running.server.start()
    begun, gate = threading.Event(), threading.Event()
    futures: list[Future[object]] = [running.server.submit(lambda: begun.set() or gate.wait(LIMIT_S))]
    assert begun.wait(LIMIT_S)
    futures.append(running.server.submit(lambda: 1))  # waits behind the first one
    stopper = threading.Thread(target=running.server.stop)
    stopper.start()
    gate.set()
    stopper.join(LIMIT_S)
    assert all(future.done() for future in futures)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_thread_that_ended_by_itself_leaves_nobody_waiting() -> None:
    def publish(values: np.ndarray) -> None:
        raise SystemExit

    server = OscServer(Controls(make_layout(2)), publish, {}, {}, port=0)
    server.start()
    assert server.submit(lambda: 1).result(LIMIT_S) == 1
    with pytest.raises(RtraveError, match="has ended"):
        while True:
            server.submit(lambda: 1).result(LIMIT_S)
    server.stop()
