"""Live runs for the tests: as a user's process, and with the control process inside the test."""

from __future__ import annotations

import io
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from rich.console import Console

from rtrave.backends.cache import ensure_graph
from rtrave.backends.graph_shape import GraphShape
from rtrave.backends.opening import read_facts
from rtrave.control.instrument import Instrument
from rtrave.control.namespace import Controls
from rtrave.control.vector import make_layout
from rtrave.ipc.options import RunOptions
from rtrave.model.registry import find_model
from rtrave.osc.packets import encode_message
from rtrave.player.options import LiveOptions
from rtrave.player.run import LiveRun
from rtrave.session.reader import Session, open_session

DEFAULT_SHAPE = GraphShape()
RTRAVE = [sys.executable, "-m", "rtrave"]


def rtrave(*arguments: str | Path, timeout_s: float = 60, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    command = [*RTRAVE, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout_s, check=False, **options)


class Process:
    """A running `rtrave live`, its output read line by line."""

    def __init__(self, *arguments: str | Path, command: Sequence[str] = RTRAVE, **options: Any) -> None:
        command = [*command, "live", "--osc-port", "0", *map(str, arguments)]
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, bufsize=1, **options
        )
        self.lines: list[str] = []
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))

    @property
    def text(self) -> str:
        """Everything it has printed."""
        return "\n".join(self.lines)

    def wait_for(self, pattern: str, timeout_s: float = 20) -> re.Match[str]:
        """The first match of a pattern in its output."""
        limit_s = time.monotonic() + timeout_s
        while time.monotonic() < limit_s:
            if found := re.search(pattern, self.text):
                return found
            if self.process.poll() is not None:
                break
            time.sleep(0.02)
        self._thread.join(1)
        if found := re.search(pattern, self.text):
            return found
        raise AssertionError(f"no {pattern!r} in:\n{self.text}")

    def port(self) -> int:
        """Where OSC listens; known once the sound plays."""
        return int(self.wait_for(r"udp [\d.]+:(\d+)")[1])

    def finish(self, timeout_s: float = 15) -> int:
        """Ask it to end, as Ctrl-C does, and return its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(2)
        code = self.process.wait(timeout_s)
        self._thread.join(2)
        return code

    def session(self) -> Session:
        """The take it named at its end."""
        return open_session(Path(self.wait_for(r"(?m)^session (.+)$")[1]))


@contextmanager
def live_process(*arguments: str | Path, **options: Any) -> Iterator[Process]:
    """A running `rtrave live`; ended by its process id whatever happens."""
    running = Process(*arguments, **options)
    try:
        yield running
    finally:
        if running.process.poll() is None:
            running.process.terminate()
            try:
                running.process.wait(10)
            except subprocess.TimeoutExpired:
                running.process.kill()


@contextmanager
def live_run(
    folder: Path, model: str = "strings", shape: GraphShape = DEFAULT_SHAPE, **options: Any
) -> Iterator[LiveRun]:
    """A live run on the null device, recording, its control process in this one."""
    graph = ensure_graph(find_model(model), shape)
    facts = read_facts(graph)
    chosen = {"sessions_dir": folder, "osc_port": 0, "record": True, **options}
    audio = {field.name: chosen.pop(field.name) for field in fields(RunOptions) if field.name in chosen}
    live_options = LiveOptions(RunOptions(**{"device": None, **audio}), graph, **chosen)
    instrument = Instrument(Controls(make_layout(facts.spec.full_latent_size)), facts.spec.fidelity)
    with LiveRun(live_options, facts, instrument, Console(file=io.StringIO())) as run:
        run.start()
        thread = threading.Thread(target=run.loop)
        thread.start()
        try:
            yield run
        finally:
            run.stop()
            thread.join()
            run.finish()


class Surface:
    """A sender of OSC messages."""

    def __init__(self, port: int) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.connect(("127.0.0.1", port))
        self.socket.settimeout(2)

    def send(self, address: str, types: str = "", *arguments: float | str) -> float:
        """Send one message; the monotonic time just before."""
        packet = encode_message(address, types, arguments)
        now_s = time.monotonic()
        self.socket.send(packet)
        return now_s


def read_wav(path: Path) -> np.ndarray:
    """Samples [C, T], float32."""
    return soundfile.read(path, dtype="float32", always_2d=True)[0].T
