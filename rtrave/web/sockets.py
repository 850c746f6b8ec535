"""The open web sockets: a transport of the OSC server, and what waits to be sent to each socket."""

from __future__ import annotations

import asyncio
import itertools
from collections import deque
from collections.abc import Callable

from websockets.asyncio.server import ServerConnection

from rtrave.osc.transport import Address, Peer

MAX_SOCKETS = 16
MAX_WAITING = 4096  # messages for one socket; beyond that the oldest are dropped
HOST = "web socket"  # stands for the host in the address of a socket


class Socket:
    """One web socket: its peer of the OSC server, and the frames to send. The web thread only."""

    def __init__(self, peer: Peer, connection: ServerConnection) -> None:
        self.peer, self.connection = peer, connection
        self.waiting: deque[bytes | str] = deque(maxlen=MAX_WAITING)
        self.filled = asyncio.Event()
        self.dropped = 0

    def put(self, frame: bytes | str) -> None:
        """Queue an OSC packet or a command of OSCQuery for sending."""
        self.dropped += len(self.waiting) == MAX_WAITING
        self.waiting.append(frame)
        self.filled.set()

    async def write(self) -> None:
        """Send what is queued until the socket is closed."""
        while True:
            await self.filled.wait()
            self.filled.clear()
            while self.waiting:
                await self.connection.send(self.waiting.popleft())


class Sockets:
    """The open web sockets, a `Transport`. The web thread only, except `send` and `is_trusted`.

    Parameters
    ----------
    soon : callable
        (function, *arguments) -> None: calls a function on the web thread. Any thread may call it.

    Attributes
    ----------
    bundles, connected : bool
        As in `Transport`.
    """

    bundles = False  # clients of OSCQuery expect one message in each frame
    connected = True

    def __init__(self, soon: Callable[..., object]) -> None:
        self._soon = soon
        self._open: dict[Address, Socket] = {}
        self._numbers = itertools.count(1)

    def __len__(self) -> int:
        return len(self._open)

    @property
    def full(self) -> bool:
        """True if no more sockets may be opened."""
        return len(self._open) >= MAX_SOCKETS

    def is_trusted(self, address: Address) -> bool:
        """Return True: the gate has admitted every open socket."""
        return True

    def send(self, datagram: bytes, address: Address) -> None:
        """Send one message to a socket, or drop it where the socket is closed. The OSC server's thread."""
        self._soon(self._put, datagram, address)

    def add(self, connection: ServerConnection) -> Socket:
        """Add a socket that was opened."""
        address = HOST, next(self._numbers)
        socket = self._open[address] = Socket(Peer(self, address), connection)
        return socket

    def remove(self, socket: Socket) -> None:
        """Remove a socket that was closed."""
        del self._open[socket.peer.address]

    def put_to_all(self, frames: list[str]) -> None:
        """Queue commands of OSCQuery for every socket."""
        for socket in self._open.values():
            for frame in frames:
                socket.put(frame)

    def _put(self, datagram: bytes, address: Address) -> None:
        socket = self._open.get(address)
        if socket is not None:
            socket.put(datagram)
