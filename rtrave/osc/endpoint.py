"""One UDP socket: opening it with clear errors, and taking and sending datagrams without ever waiting."""

from __future__ import annotations

import errno
import selectors
import socket
import struct
import sys

from rtrave.errors import RtraveError
from rtrave.osc.replies import Peer

RECEIVE_BUFFER_BYTES = 1 << 20
LARGEST_DATAGRAM = 65536
SO_RXQ_OVFL = 40  # Linux: how many datagrams found the receive buffer full


class Endpoint:
    """A non-blocking UDP socket (IPv4). One thread uses it; `wake` may be called from any.

    Parameters
    ----------
    bind : str
        Host or address to listen on.
    port : int
        0 takes any free one.

    Attributes
    ----------
    port, receive_buffer_bytes : int
        What the system gave.
    sent, unsent, lost : int
        Datagrams sent; datagrams that the system did not take; datagrams lost in a full receive buffer (told
        by Linux only, with the next one that arrives).

    Raises
    ------
    RtraveError
        One line: the port is taken, or the address is not of this computer.
    """

    def __init__(self, bind: str, port: int) -> None:
        self._socket = _open(bind, port)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._socket, selectors.EVENT_READ)
        self._waker, self._woken = socket.socketpair()
        for end in (self._waker, self._woken):
            end.setblocking(False)
        self._selector.register(self._woken, selectors.EVENT_READ)
        self._buffer = bytearray(LARGEST_DATAGRAM)
        self.port = int(self._socket.getsockname()[1])
        self.receive_buffer_bytes = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
        self.sent = self.unsent = self.lost = 0

    def wait(self, most_s: float) -> None:
        """Wait until something has arrived, `most_s` at most."""
        if self._selector.select(most_s):
            try:
                self._woken.recv(4096)
            except BlockingIOError:
                pass

    def wake(self) -> None:
        """End `wait` now. Any thread."""
        try:
            self._waker.send(b"\0")
        except (BlockingIOError, OSError):  # enough are on their way, or it is over
            pass

    def receive(self, count_lost: bool = False) -> tuple[bytes, Peer] | None:
        """Take one datagram and where it came from; None where there is none.

        Parameters
        ----------
        count_lost : bool
            Note what the system lost so far; slower, so not for every datagram of a burst.
        """
        try:
            if count_lost and sys.platform.startswith("linux"):
                size, extra, _, source = self._socket.recvmsg_into([self._buffer], 64)
                for level, kind, value in extra:
                    if level == socket.SOL_SOCKET and kind == SO_RXQ_OVFL:
                        self.lost = struct.unpack("@I", value[:4])[0]
            else:
                size, source = self._socket.recvfrom_into(self._buffer)
        except BlockingIOError:
            return None
        except ConnectionError:  # Windows tells here that a peer refused an earlier reply
            self.unsent += 1
            return None
        return bytes(memoryview(self._buffer)[:size]), source

    def send(self, datagram: bytes, peer: Peer) -> None:
        """Send one datagram, or count it where the system does not take it."""
        try:
            self._socket.sendto(datagram, peer)
            self.sent += 1
        except OSError:
            self.unsent += 1

    def close(self) -> None:
        """Close the socket. Twice is harmless."""
        self._selector.close()
        for opened in (self._socket, self._waker, self._woken):
            opened.close()


def _open(bind: str, port: int) -> socket.socket:
    opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
        if sys.platform.startswith("linux"):
            opened.setsockopt(socket.SOL_SOCKET, SO_RXQ_OVFL, 1)
        opened.setblocking(False)
        opened.bind((bind, port))
    except (OSError, OverflowError, UnicodeError) as error:
        opened.close()
        where = f"{bind} port {port}"
        if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
            why, remedy = "is taken", "end the program that holds it or choose another --osc-port"
        else:
            why, remedy = f"cannot be listened on ({error})", "choose another --osc-bind or --osc-port"
        raise RtraveError(f"OSC: {where} {why}: {remedy}") from None
    return opened
