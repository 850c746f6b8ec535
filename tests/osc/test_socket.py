"""The server's thread on a real socket: it receives, publishes, survives faults and floods, and ends."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from rtrave.control.namespace import Controls
from rtrave.control.vector import make_layout
from rtrave.errors import RtraveError
from rtrave.osc.server import OscServer
from tests.osc.rig import adds_up, bundle, message, read


class Live:
    """A running server and one peer."""

    def __init__(self, **options: object) -> None:
        self.published: list[np.ndarray] = []
        self.controls = Controls(make_layout(4))
        readers = options.pop("readers", {})
        publish = options.pop("publish", lambda values: self.published.append(values.copy()))
        self.server = OscServer(self.controls, publish, {}, readers, port=0, **options)  # type: ignore[arg-type]
        self.server.start()
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.settimeout(5.0)
        self.socket.connect(("127.0.0.1", self.server.port))

    def until(self, happened: Callable[[], bool]) -> None:
        end_s = time.monotonic() + 5.0
        while not happened():
            assert time.monotonic() < end_s, self.server.stats()
            time.sleep(0.002)

    def close(self) -> None:
        self.server.stop()
        self.socket.close()


@pytest.fixture
def make_live() -> Iterator[Callable[..., Live]]:
    made: list[Live] = []

    def make(**options: object) -> Live:
        made.append(Live(**options))
        return made[-1]

    yield make
    for live in made:
        live.close()


def test_from_the_socket_to_the_vector_and_back(make_live: Callable[..., Live]) -> None:
    live = make_live()
    live.socket.send(message("/rtrave/hello", "ii", live.socket.getsockname()[1], 3))
    live.socket.send(message("/rtrave/mix", "f", 0.5))
    live.socket.send(message("/rtrave/sync", "i", 3))
    assert read(live.socket.recv(2000)) == [("/rtrave/synced", 3)]
    assert live.published[-1][live.controls.layout.slots["mix"]] == 0.5


def test_a_time_tag_is_met(make_live: Callable[..., Live]) -> None:
    live = make_live()
    live.socket.send(message("/rtrave/hello", "ii", live.socket.getsockname()[1], 3))
    due_s = time.time() + 0.2
    live.socket.send(bundle(message("/rtrave/sync", "i", 1), unix_s=due_s))
    live.socket.recv(2000)
    assert 0.0 <= time.time() - due_s < 0.5


def test_feedback_is_sent_without_asking(make_live: Callable[..., Live]) -> None:
    live = make_live(readers={"/rtrave/meter": lambda: (-1.0, -2.0, -3.0, -4.0)})
    live.socket.send(message("/rtrave/hello", "ii", live.socket.getsockname()[1], 3))
    for _ in range(3):
        assert read(live.socket.recv(2000)) == [("/rtrave/meter", -1.0, -2.0, -3.0, -4.0)]


def test_a_flood_loses_nothing_and_is_published_in_pieces(make_live: Callable[..., Live]) -> None:
    live = make_live()
    packet = message("/rtrave/mix", "f", 0.25)
    for k in range(5000):
        live.socket.send(packet)
        if k % 250 == 249:
            live.until(lambda k=k: live.server.counts.packets > k - 250)  # type: ignore[misc]
    live.until(lambda: live.server.counts.packets == 5000)
    live.server.stop()
    counts = live.server.counts
    assert counts.received == counts.accepted + counts.coalesced == 5000
    assert counts.published == counts.accepted == len(live.published)
    assert live.server.stats()["lost"] == 0


def test_datagrams_lost_in_a_full_buffer_are_counted(make_live: Callable[..., Live]) -> None:
    gate = threading.Event()
    live = make_live(publish=lambda values: gate.wait(10.0))
    live.socket.send(message("/rtrave/mix", "f", 0.25))
    live.until(lambda: live.server.counts.packets == 1)
    for _ in range(6000):  # more than the buffer holds, while the server is busy
        live.socket.send(message("/rtrave/mix", "f", 0.5))
    gate.set()
    live.socket.send(message("/rtrave/hello", "ii", live.socket.getsockname()[1], 3))
    live.until(lambda: live.server.counts.packets > 1)
    quiet = -1
    while quiet != live.server.counts.packets:  # drained
        quiet = live.server.counts.packets
        time.sleep(0.1)
    live.socket.send(message("/rtrave/ping"))  # the system reports losses with the next datagram
    live.until(lambda: live.server.counts.packets == quiet + 1)
    lost = live.server.stats()["lost"]
    assert lost > 0 and lost + live.server.counts.packets == 6003


def test_a_fault_is_counted_and_the_thread_continues(make_live: Callable[..., Live]) -> None:
    def broken() -> tuple[float, ...]:
        raise ZeroDivisionError("a broken reader")

    live = make_live(readers={"/rtrave/meter": broken})
    live.socket.send(message("/rtrave/hello", "ii", live.socket.getsockname()[1], 3))
    live.until(lambda: live.server.counts.faults >= 3)
    assert "a broken reader" in live.server.counts.last_fault
    live.socket.send(message("/rtrave/sync", "i", 1))
    assert read(live.socket.recv(2000)) == [("/rtrave/synced", 1)]
    live.server.stop()
    assert adds_up(live.server)


def test_the_receive_buffer_is_large_enough(make_live: Callable[..., Live]) -> None:
    assert make_live().server.udp.receive_buffer_bytes >= 1 << 20


def test_it_ends_soon_and_frees_the_port(make_live: Callable[..., Live]) -> None:
    live = make_live()
    start_s = time.monotonic()
    live.server.stop()
    assert time.monotonic() - start_s < 2.0
    OscServer(live.controls, print, {}, {}, port=live.server.port).stop()


def test_a_taken_port_is_one_line(make_live: Callable[..., Live]) -> None:
    live = make_live()
    with pytest.raises(RtraveError, match=rf"port {live.server.port} is taken.*--osc-port") as caught:
        OscServer(live.controls, print, {}, {}, port=live.server.port)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("bind", "port"), [("203.0.113.1", 0), ("no such host", 0), ("127.0.0.1", 70000)])
def test_an_unusable_address_is_one_line(bind: str, port: int) -> None:
    with pytest.raises(RtraveError, match="--osc-bind") as caught:
        OscServer(Controls(make_layout(1)), print, {}, {}, bind=bind, port=port)
    assert "\n" not in str(caught.value)


def test_it_listens_on_loopback_by_default(make_live: Callable[..., Live]) -> None:
    taken = make_live().server.port
    beside = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    beside.bind(("127.0.0.2", taken))  # would fail if the server held every interface
    beside.close()
