"""Feedback: status and meter at a fixed rate to permanent targets and to leases.

It runs on the OSC server's thread and never waits: datagrams go out through a callable that drops what the
system does not take.
"""

from __future__ import annotations

import math
import socket
from collections.abc import Callable, Iterable, Mapping

from rtrave.control.parameter import TABLE, Value
from rtrave.errors import RtraveError
from rtrave.osc.packets import encode_message, group, join
from rtrave.osc.replies import Leases, Peer

Reader = Callable[[], tuple[Value, ...]]

PERIOD_S = 0.1
STREAMS = {1: "/rtrave/status", 2: "/rtrave/meter"}
ALL_STREAMS = sum(STREAMS)
TYPES = {p.address: p.type for p in TABLE}


class Feedback:
    """Sends status and meter, 10 times a second, to permanent targets and to leases.

    Parameters
    ----------
    targets : iterable of (host, port)
        Permanent targets, as `parse_target` gives them; they hear everything.
    leases : Leases
    readers : mapping
        "/rtrave/status" and "/rtrave/meter" to callables that return their values at once.
    send : callable
        (datagram, peer) -> None; must not wait.
    now_s : float
        Monotonic time of the start.
    """

    def __init__(
        self,
        targets: Iterable[Peer],
        leases: Leases,
        readers: Mapping[str, Reader],
        send: Callable[[bytes, Peer], None],
        now_s: float,
    ) -> None:
        self._targets = tuple(targets)
        self._leases = leases
        self._readers = readers
        self._send = send
        self.next_s = now_s

    def tick(self, now_s: float) -> None:
        """Send one round if it is due. A round that was missed is not made up for."""
        if now_s < self.next_s:
            return
        self.next_s += PERIOD_S
        if self.next_s <= now_s:
            self.next_s = now_s + PERIOD_S
        heard = dict.fromkeys(self._targets, ALL_STREAMS)
        for lease in self._leases.alive(now_s):
            heard[lease.target] = heard.get(lease.target, 0) | lease.mask
        if not heard:
            return
        streams = {
            bit: encode_message(address, TYPES[address], self._readers[address]())
            for bit, address in STREAMS.items()
            if address in self._readers
        }
        for peer, mask in heard.items():
            for messages in group(message for bit, message in streams.items() if mask & bit):
                self._send(join(messages), peer)

    def tell_all(self, datagram: bytes, now_s: float) -> None:
        """Send one datagram to everybody who listens."""
        for peer in {*self._targets, *(lease.target for lease in self._leases.alive(now_s))}:
            self._send(datagram, peer)


def parse_target(text: str) -> Peer:
    """Read `HOST:PORT` and look the host up (IPv4), so that nothing is looked up while playing.

    Raises
    ------
    RtraveError
        One line that says what is wrong with it.
    """
    host, colon, port = text.rpartition(":")
    if not (colon and host and port.isascii() and port.isdigit() and 1 <= int(port) <= 65535):
        raise RtraveError(f"OSC target {text!r}: expected HOST:PORT, such as 127.0.0.1:9001")
    try:
        found = socket.getaddrinfo(host, int(port), socket.AF_INET, socket.SOCK_DGRAM)
    except (OSError, UnicodeError):
        raise RtraveError(f"OSC target {text!r}: no such host: check it or give the IP address") from None
    address = found[0][4]
    return str(address[0]), int(address[1])


def decibels(amplitude: float) -> float:
    """Turn a linear amplitude (1 = full scale) into dB, not below -120, finite for any input."""
    if not amplitude > 1e-6:
        return -120.0
    return min(20.0 * math.log10(amplitude), 120.0) if math.isfinite(amplitude) else 120.0
