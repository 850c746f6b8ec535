"""Interoperability with liblo: `oscsend` sends to the server, `oscdump` receives from it."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator

import pytest

from rtrave.control.namespace import Controls
from rtrave.control.vector import make_layout
from rtrave.osc.server import OscServer


def tool(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise FileNotFoundError(f"{name} is missing: install liblo-tools")
    return found


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until(happened: Callable[[], bool]) -> None:
    end_s = time.monotonic() + 5.0
    while not happened():
        assert time.monotonic() < end_s
        time.sleep(0.01)


class Liblo:
    """liblo's two programs around one server."""

    def __init__(self) -> None:
        self.controls = Controls(make_layout(4))
        readers = {"/rtrave/status": lambda: (2, 0.5, 92.5, 60), "/rtrave/meter": lambda: (-6.0, -12.0, -3.0, -9.0)}
        self.server = OscServer(self.controls, lambda values: None, {}, readers, port=0)
        self.server.start()
        self.listening = free_port()
        self.dump = subprocess.Popen(
            [tool("oscdump"), "-L", str(self.listening)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        time.sleep(0.2)  # oscdump does not report when it listens

    def send(self, *words: str) -> None:
        before = self.server.counts.packets
        subprocess.run([tool("oscsend"), "127.0.0.1", str(self.server.port), *words], check=True, timeout=10)
        until(lambda: self.server.counts.packets > before)

    def wait_for(self, address: str) -> str:
        """Wait for a message at an address and return its types and arguments as oscdump prints them."""
        assert self.dump.stdout is not None
        for line in self.dump.stdout:
            if address + " " in line:
                return line.split(address + " ", 1)[1].strip()
        raise AssertionError(f"oscdump ended without {address}")

    def close(self) -> None:
        self.dump.terminate()
        self.dump.wait(timeout=5)
        assert self.dump.stdout is not None
        self.dump.stdout.close()
        self.server.stop()


@pytest.fixture
def liblo() -> Iterator[Liblo]:
    liblo = Liblo()
    yield liblo
    liblo.close()


@pytest.mark.timeout(20)
def test_oscsend_sets_and_oscdump_receives(liblo: Liblo) -> None:
    liblo.send("/rtrave/hello", "i", str(liblo.listening))
    assert liblo.wait_for("/rtrave/status") == "iffi 2 0.500000 92.500000 60"
    assert liblo.wait_for("/rtrave/meter") == "ffff -6.000000 -12.000000 -3.000000 -9.000000"
    liblo.send("/rtrave/latent/{1,3}/bias", "f", "2.5")
    assert liblo.controls.get("/rtrave/latents/bias") == (0.0, 2.5, 0.0, 2.5)
    liblo.send("/rtrave/latents/scale", "ffff", "1", "2", "3", "4")
    liblo.send("/rtrave/freeze", "T")
    liblo.send("/rtrave/space", "s", "full")
    assert liblo.controls.get("/rtrave/latents/scale") == (1.0, 2.0, 3.0, 4.0)
    assert liblo.controls.get("/rtrave/freeze") == (1,) and liblo.controls.get("/rtrave/space") == ("full",)
    liblo.send("/rtrave/latents/scale")
    assert liblo.wait_for("/rtrave/latents/scale") == "ffff 1.000000 2.000000 3.000000 4.000000"
    liblo.send("/rtrave/mix", "s", "loud")
    assert liblo.wait_for("/rtrave/error").startswith('ssis "/rtrave/mix" "bad-type" 0')
