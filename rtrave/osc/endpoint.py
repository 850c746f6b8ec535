"""The UDP transport: one socket that never waits to send, with clear errors where it cannot be opened."""

from __future__ import annotations

import errno
import selectors
import socket
import struct
import sys

from rtrave.errors import RtraveError
from rtrave.osc.transport import Address, Peer

RECEIVE_BUFFER_BYTES = 1 << 20
LARGEST_DATAGRAM = 65536
SO_RXQ_OVFL = 40  # Linux: how many datagrams found the receive buffer full


def is_loopback(host: str) -> bool:
    """Return whether a host name or IPv4 address means this computer."""
    return host.startswith("127.") or host == "localhost"


class Endpoint:
    """A non-blocking UDP socket (IPv4). One thread uses it; any thread may call `wake`.

    Parameters
    ----------
    bind : str
        Host or address to listen on.
    port : int
        UDP port; 0 takes any free one.

    Attributes
    ----------
    bundles, connected : bool
        As in `Transport`.
    port, receive_buffer_bytes : int
        What the system granted.
    sent, unsent, lost : int
        Datagrams sent; datagrams that the system rejected; datagrams lost in a full receive buffer. Only Linux reports
        the lost ones, with the next datagram that arrives.

    Raises
    ------
    RtraveError
        Where the port is taken, or the address does not belong to this computer.
    """

    bundles = True
    connected = False

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

    def is_trusted(self, address: Address) -> bool:
        """Return whether an address is on this computer: nobody can forge it from outside."""
        return is_loopback(address[0])

    def wait(self, most_s: float) -> None:
        """Wait until a datagram arrives or `wake` is called, `most_s` at most."""
        if self._selector.select(most_s):
            try:
                self._woken.recv(4096)
            except BlockingIOError:
                pass

    def wake(self) -> None:
        """End `wait` now. Any thread."""
        try:
            self._waker.send(b"\0")
        except (BlockingIOError, OSError):  # wake-ups are pending already, or the socket is closed
            pass

    def receive(self, count_lost: bool = False) -> tuple[bytes, Peer] | None:
        """Return the next datagram and its source; None where there is none.

        Parameters
        ----------
        count_lost : bool
            Update `lost`. This is slower, so do not ask for it with every datagram of a burst.
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
        except ConnectionError:  # Windows reports here that a peer rejected an earlier reply
            self.unsent += 1
            return None
        return bytes(memoryview(self._buffer)[:size]), Peer(self, source)

    def send(self, datagram: bytes, address: Address) -> None:
        """Send one datagram, or count it as unsent where the system rejects it."""
        try:
            self._socket.sendto(datagram, address)
            self.sent += 1
        except OSError:
            self.unsent += 1

    def close(self) -> None:
        """Close the socket. Closing twice is harmless."""
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
            why, remedy = f"{where} is taken", "end the program that holds it or choose another --osc-port"
        else:
            why, remedy = f"cannot listen on {where} ({error})", "choose another --osc-bind or --osc-port"
        raise RtraveError(f"OSC: {why}: {remedy}") from None
    return opened
