"""A fixture of an OSC server with its web server on free ports, as in a live run."""

from __future__ import annotations

import contextlib
import http.client
import time
from collections.abc import Callable, Iterator

import pytest
from websockets.sync.client import ClientConnection, connect

from rtrave.control.instrument import Instrument
from rtrave.control.namespace import Controls
from rtrave.control.vector import make_layout
from rtrave.osc.query import QueryTree
from rtrave.osc.server import OscServer
from rtrave.web.gate import Gate
from rtrave.web.server import WebServer


class Site:
    """Both servers and their clients."""

    def __init__(self, dims: int = 4) -> None:
        self.controls = Controls(make_layout(dims))
        self.instrument = Instrument(self.controls, tuple(min(1.0, (k + 1) / dims) for k in range(dims)))
        readers = {"/rtrave/version": lambda: ("x",)}
        self.osc = OscServer(self.controls, lambda values: None, {}, readers, port=0)
        self.port = self.osc.port
        tree = QueryTree(self.controls, readers, "rtrave test", {"OSC_PORT": self.port})
        self.web = WebServer(self.osc, tree, Gate(self.port))
        self.web.start()
        self.osc.start()
        self._sockets = contextlib.ExitStack()

    def get(self, target: str, method: str = "GET", **headers: str) -> http.client.HTTPResponse:
        """Make one request; return the answer with its body in `.body`."""
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        client.request(method, target, headers=headers)
        answer = client.getresponse()
        answer.body = answer.read()  # type: ignore[attr-defined]
        client.close()
        return answer

    def socket(self, **options: object) -> ClientConnection:
        """Open a web socket."""
        made = connect(f"ws://127.0.0.1:{self.port}/", compression=None, **options)  # type: ignore[arg-type]
        return self._sockets.enter_context(made)

    def until(self, happened: Callable[[], bool]) -> None:
        """Wait until `happened()` is true, 5 s at most."""
        limit_s = time.monotonic() + 5
        while not happened():
            assert time.monotonic() < limit_s
            time.sleep(0.005)

    def close(self) -> None:
        self._sockets.close()
        self.web.stop()
        self.osc.stop()


@pytest.fixture
def site() -> Iterator[Site]:
    made = Site()
    yield made
    made.close()
