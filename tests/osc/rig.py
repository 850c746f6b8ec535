"""An OSC server without its thread, a clock that the test moves, and peers on real loopback sockets."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from pythonosc.osc_bundle import OscBundle
from pythonosc.osc_message import OscMessage

from rtrave.control.instrument import Instrument
from rtrave.control.namespace import Controls
from rtrave.control.parameter import ParameterKind
from rtrave.control.vector import make_layout
from rtrave.osc import transport
from rtrave.osc.packets import IMMEDIATELY, encode_message
from rtrave.osc.server import OscServer

NTP_TO_UNIX_S = 2_208_988_800
START_UNIX_S = 1_800_000_000.0


class Clock:
    """Monotonic and Unix time that only the test moves."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def monotonic_s(self) -> float:
        return self.now_s

    def unix_s(self) -> float:
        return START_UNIX_S + self.now_s - 1000.0


class Rig:
    """A server, the vectors it published, and its peers."""

    def __init__(
        self,
        dims: int = 4,
        actions: Mapping[str, Callable[..., None]] | None = None,
        readers: Mapping[str, Callable[[], tuple]] | None = None,
        publish: Callable[[np.ndarray], object] | None = None,
        shares: Sequence[float] = (),
        choose_source: Callable[[str], int | None] | None = None,
        **options: object,
    ) -> None:
        self.clock = Clock()
        self.published: list[np.ndarray] = []
        self.controls = Controls(make_layout(dims))
        self.instrument = Instrument(self.controls, shares, choose_source)
        self.server = OscServer(
            self.controls,
            publish or (lambda values: self.published.append(values.copy())),
            self.instrument.actions() | dict(actions or {}),
            readers or {},
            port=0,
            monotonic_s=self.clock.monotonic_s,
            unix_s=self.clock.unix_s,
            **options,
        )
        self._peers: list[Peer] = []

    def peer(self) -> Peer:
        """Open one more peer."""
        self._peers.append(Peer(self.server))
        return self._peers[-1]

    def close(self) -> None:
        self.server.stop()
        for peer in self._peers:
            peer.socket.close()


class Peer:
    """A client on a loopback socket; its packets go to the server directly, the replies arrive by UDP."""

    def __init__(self, server: OscServer) -> None:
        self._server = server
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.settimeout(0.0)
        self.name: tuple[str, int] = self.socket.getsockname()
        self.source = transport.Peer(server.udp, self.name)

    def send(self, *packets: bytes) -> None:
        """Send packets as one burst."""
        for packet in packets:
            self._server.handle(packet, self.source)
        self._server.finish_burst()

    def ask(self, address: str, types: str = "", *arguments: object) -> list[tuple]:
        """Send one message as a burst; return the replies."""
        self.send(message(address, types, *arguments))
        return self.received()

    def received_datagrams(self) -> list[bytes]:
        """Return all datagrams that have arrived since the last call."""
        datagrams = []
        while True:
            try:
                datagrams.append(self.socket.recv(65536))
            except BlockingIOError:
                return datagrams

    def received(self) -> list[tuple]:
        """Return all messages that have arrived since the last call as (address, arguments...)."""
        return [one for datagram in self.received_datagrams() for one in read(datagram)]


def read(datagram: bytes) -> list[tuple]:
    """Decode a datagram of the server by python-osc alone."""
    if OscBundle.dgram_is_bundle(datagram):
        return [one for part in OscBundle(datagram) for one in read(part.dgram)]
    decoded = OscMessage(datagram)
    return [(decoded.address, *decoded.params)]


def message(address: str, types: str = "", *arguments: object) -> bytes:
    """Encode one message."""
    return encode_message(address, types, arguments)  # type: ignore[arg-type]


def bundle(*parts: bytes, unix_s: float | None = None) -> bytes:
    """Put packets into a bundle, immediate or for a Unix time."""
    time_tag = IMMEDIATELY if unix_s is None else int((unix_s + NTP_TO_UNIX_S) * 2**32)
    return b"#bundle\0" + struct.pack(">Q", time_tag) + b"".join(struct.pack(">i", len(p)) + p for p in parts)


def state(controls: Controls) -> set[str]:
    """Return the addresses of all values that clients may set: a hello brings all of them."""
    kinds = (ParameterKind.CONTROL, ParameterKind.MACRO)
    return {address for address, p in controls.parameters.items() if p.kind in kinds and p.type}


def adds_up(server: OscServer) -> bool:
    """Return whether the counters account for every message received."""
    counts = server.counts
    return counts.received == counts.accepted + counts.refused.total() + counts.coalesced + counts.queued
