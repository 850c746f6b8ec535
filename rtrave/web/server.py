"""The web server: OSCQuery over HTTP, and OSC in both directions over web sockets. Its own thread runs asyncio.

HTTP requests only read. OSC packets may change controls: the web thread submits them to the OSC server's thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import http
import json
import logging
import threading
from collections.abc import Callable
from functools import partial

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from rtrave.errors import RtraveError
from rtrave.osc.query import QueryTree, path_messages
from rtrave.osc.server import OscServer
from rtrave.web.gate import Gate
from rtrave.web.sockets import Socket, Sockets

MAX_FRAME_BYTES = 65536
SECURITY = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
}

_LOG = logging.getLogger("rtrave.web")
_LOG.addHandler(logging.NullHandler())  # the broken request of a stranger must not appear on the user's screen


class WebServer:
    """HTTP and web sockets beside an OSC server.

    Parameters
    ----------
    osc : OscServer
        A server that is not started yet.
    tree : QueryTree
        Belongs to the web thread, as do the controls while it holds `reading`.
    gate : Gate
    bind : str
        Address to listen on, TCP, on the gate's port.

    Attributes
    ----------
    sockets : Sockets
        The open web sockets.
    reading : Lock
        Held while the tree is read. Hold it to change the layout of the controls.

    Raises
    ------
    RtraveError
        From `start`, where the system does not grant the port.
    """

    def __init__(self, osc: OscServer, tree: QueryTree, gate: Gate, bind: str = "127.0.0.1") -> None:
        self._osc, self._tree, self._gate, self._bind = osc, tree, gate, bind
        self.reading = threading.Lock()
        self.sockets = Sockets(self._soon)
        # `start` creates the loop: one that never runs warns when it is freed.
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=self._run, name="web", daemon=True)
        self._ready = threading.Event()
        self._failure: OSError | None = None
        self._stop = asyncio.Event()

    def start(self) -> None:
        """Start the thread, and return when it listens."""
        self._loop = asyncio.new_event_loop()
        self._thread.start()
        self._ready.wait()
        if self._failure is not None:
            where = f"{self._bind} TCP port {self._gate.port}"
            raise RtraveError(f"OSCQuery: cannot listen on {where}: choose another --osc-port") from self._failure

    def stop(self) -> None:
        """Close all sockets and end the thread. Any thread; stopping twice is harmless."""
        if self._loop is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join()

    def _run(self) -> None:
        loop = self._loop
        if loop is None:
            return
        asyncio.set_event_loop(loop)
        try:
            loop.run_until_complete(self._serve())
        finally:
            self._ready.set()
            loop.close()

    async def _serve(self) -> None:
        try:
            server: Server = await serve(
                self._talk,
                self._bind,
                self._gate.port,
                process_request=self._request,
                max_size=MAX_FRAME_BYTES,
                compression=None,
                server_header=None,
                logger=_LOG,
                open_timeout=5,
                close_timeout=1,
            )
        except OSError as error:
            self._failure = error
            return
        self._ready.set()
        async with server:
            await self._stop.wait()

    def _request(self, connection: ServerConnection, request: Request) -> Response | None:
        """Answer a plain request; return None to accept a web socket."""
        peer = connection.remote_address[0]
        headers = request.headers
        try:
            host, origin = headers.get("Host"), headers.get("Origin")
        except Exception:  # several headers of one name
            return _response(400, b"")
        why = self._gate.refusal(peer, host, origin)
        target = self._gate.path(peer, request.path)
        if why or target is None:
            return _response(403, json.dumps({"error": why or "no token"}).encode())
        if headers.get("Upgrade", "").lower() == "websocket":
            return _response(503, b'{"error": "too many sockets"}') if self.sockets.full else None
        with self.reading:
            status, body = self._tree.answer(target)
        return _response(status, body)

    async def _talk(self, connection: ServerConnection) -> None:
        if self.sockets.full:
            return
        socket = self.sockets.add(connection)
        self._osc.submit(partial(self._osc.connect, socket.peer))
        writer = asyncio.create_task(socket.write())
        try:
            async for frame in connection:
                if isinstance(frame, bytes):
                    self._osc.submit(partial(self._osc.handle, frame, socket.peer))
                else:
                    self._command(frame, socket)
        except ConnectionClosed:
            pass
        finally:
            writer.cancel()
            self.sockets.remove(socket)
            self._osc.submit(partial(self._osc.disconnect, socket.peer))

    def _command(self, text: str, socket: Socket) -> None:
        """Do LISTEN or IGNORE, and ignore any other text, as the proposal of OSCQuery demands."""
        try:
            command = json.loads(text)
            what, path = command["COMMAND"], command["DATA"]
        except (ValueError, TypeError, KeyError, RecursionError):
            return
        if what in ("LISTEN", "IGNORE") and isinstance(path, str):
            addresses = tuple(self._tree.below(path))
            self._osc.submit(partial(self._osc.listen, socket.peer, addresses, what == "LISTEN"))

    def adopt(self, tree: QueryTree) -> None:
        """Answer from another tree, and send all sockets what has changed. Any thread, holding `reading`."""
        before, self._tree = self._tree, tree
        self._soon(self.sockets.put_to_all, path_messages(before, tree))

    def _soon(self, function: Callable[..., object], *arguments: object) -> None:
        if self._loop is None:
            return
        with contextlib.suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(function, *arguments)


def _response(status: int, body: bytes) -> Response:
    headers = Headers({**SECURITY, "Content-Type": "application/json", "Connection": "close"})
    headers["Content-Length"] = str(len(body))
    return Response(status, http.HTTPStatus(status).phrase, headers, body)
