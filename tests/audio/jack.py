"""A JACK server without hardware, and clients of other programs, for the tests that need a real device."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from rtrave.ipc.codec import decode_event, encode
from rtrave.ipc.messages import Command, Event, Start
from rtrave.ipc.options import RunOptions
from rtrave.ipc.shared_memory import Shared

RATE = 44100
CHILD = "import os, sys; from rtrave.audio.process import main; from tests.audio.fake import open_fake; "
CHILD += "code = main(open_engine=open_fake); sys.stdout.flush(); os._exit(code)"


def wait_until(condition: Any, limit_s: float, what: str) -> None:
    """Poll until the condition is true; fail after the limit."""
    end_s = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < end_s, f"waited {limit_s} s for {what}"
        time.sleep(0.02)


class DisturbedError(Exception):
    """The load of the machine spoiled a count of periods or callbacks, so the run proves nothing."""


def undisturbed(quiet: bool, what: str) -> None:
    """Raise `DisturbedError` unless a count is as on an idle machine; for what any missed period changes.

    Other clients that connect make the server miss periods too: where a recording is right all the same, it counts.
    """
    if not quiet:
        raise DisturbedError(what)


def best_of_three(run: Callable[[int], None]) -> None:
    """Call `run` with 0, 1, 2 until it is not disturbed. What it asserts is never repeated."""
    for attempt in range(3):
        try:
            return run(attempt)
        except DisturbedError:
            if attempt == 2:
                raise


@dataclass(frozen=True)
class Server:
    """A running jackd: the environment that leads clients to it, and its log."""

    environment: dict[str, str]
    log: Path
    process: subprocess.Popen[bytes]

    def not_finished(self) -> int:
        """How often the server found a client that had not finished its period."""
        return self.log.read_text(errors="replace").count("was not finished")

    def ports(self) -> str:
        done = subprocess.run(["jack_lsp"], env=self.environment, capture_output=True, text=True, check=False)
        return done.stdout

    def connect(self, source: str, sink: str) -> None:
        """Patch two ports; a client refuses until it is active, so this tries for a while."""

        def done() -> bool:
            command = ["jack_connect", source, sink]
            return not subprocess.run(command, env=self.environment, check=False, capture_output=True).returncode

        wait_until(done, 5, f"jack_connect {source} {sink}")


@contextmanager
def jack_server(folder: Path, period: int, rate: int = RATE) -> Iterator[Server]:
    """Start `jackd` on its dummy backend, and end it by its own process id."""
    missing = [
        tool for tool in ("jackd", "jack_lsp", "jack_connect", "ecasound", "jack-record") if not shutil.which(tool)
    ]
    assert not missing, f"these tests need {', '.join(missing)}: apt-get install jackd2 jack-tools ecasound"
    name = f"rtrave-{os.getpid() % 4}"  # JACK has eight places; a dead server's is free only for one of its name
    environment = {**os.environ, "JACK_DEFAULT_SERVER": name, "JACK_NO_START_SERVER": "1"}
    log = folder / "jackd.log"
    command = ["jackd", "-n", name, "-R", "-d", "dummy", "-r", str(rate), "-p", str(period)]
    with log.open("wb") as file:
        process = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT, env=environment)
    server = Server(environment, log, process)
    try:
        wait_until(lambda: "system:playback_1" in server.ports() or process.poll() is not None, 10, "jackd")
        assert process.poll() is None, f"jackd did not start: {log.read_text(errors='replace')}"
        yield server
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)  # after a client died it takes its time
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for left in Path("/dev/shm").glob(f"jack_sem.*_{name}_*"):  # of clients that outlived the server
            left.unlink(missing_ok=True)


class AudioProcess:
    """The audio process on a fake engine: started, commanded, read, ended."""

    def __init__(
        self,
        memory: Shared,
        environment: dict[str, str] | None = None,
        graph: str = "0",
        first_latent_frame: int = 0,
        **options: Any,
    ) -> None:
        self._child = subprocess.Popen(
            [sys.executable, "-c", CHILD],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
        )
        run = RunOptions(**{"device": None, **options})
        self.send(Start(run, Path(graph), memory.section, first_latent_frame=first_latent_frame))

    @property
    def pid(self) -> int:
        return self._child.pid

    def send(self, command: Command) -> None:
        self.write(encode(command))

    def write(self, line: bytes) -> None:
        assert self._child.stdin
        self._child.stdin.write(line)
        self._child.stdin.flush()

    def event(self) -> Event:
        """The next one; the test's own time limit ends the wait."""
        assert self._child.stdout
        line = self._child.stdout.readline()
        assert line, f"the audio process wrote no more: {self._child.stderr and self._child.stderr.read()}"
        return decode_event(line)

    def hang_up(self) -> None:
        """Close its stdin, as the death of its parent does."""
        assert self._child.stdin
        self._child.stdin.close()

    def wait(self, limit_s: float = 10) -> int:
        return self._child.wait(limit_s)

    def end(self) -> None:
        if self._child.poll() is None:
            self._child.kill()
        for pipe in (self._child.stdin, self._child.stdout, self._child.stderr):
            assert pipe
            pipe.close()
        self._child.wait()


def _ecasound(server: Server, name: str, *arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        ["ecasound", "-q", f"-G:jack,{name},notransport", *arguments],
        env=server.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def source_and_result(server: Server, folder: Path, source: np.ndarray, seconds: float, rate: int = RATE) -> np.ndarray:
    """Play source [T] into PortAudio's input by another program, and record source and result: [T, 2]."""
    soundfile.write(folder / "source.wav", source, rate, subtype="FLOAT")
    made = folder / "result.wav"
    form = f"-f:f32_le,{{}},{rate}"
    recorder = _ecasound(server, "recorder", form.format(2), "-i", "jack", "-o", str(made), f"-t:{seconds}")
    player = None
    try:
        wait_until(lambda: "recorder:in_2" in server.ports(), 5, "the recorder")
        ports = server.ports().split()
        output = min(port for port in ports if port.startswith("PortAudio:out_"))
        server.connect(output, "recorder:in_2")
        player = _ecasound(server, "player", form.format(1), "-i", str(folder / "source.wav"), "-o", "jack")
        wait_until(lambda: "player:out_1" in server.ports(), 5, "the player")
        server.connect("player:out_1", "recorder:in_1")
        server.connect("player:out_1", next(port for port in ports if port.startswith("PortAudio:in_")))
        recorder.wait(seconds + 10)
    finally:
        for child in (player, recorder):
            if child and child.poll() is None:
                child.kill()
                child.wait()
    data, _ = soundfile.read(made, dtype="float32", always_2d=True)
    return data


def find_shift(source: np.ndarray, result: np.ndarray, most: int) -> tuple[int, float]:
    """Return the shift by which result follows source (0 <= shift < most), and the largest difference at it.

    Both are taken in mid-stream, away from where the players and their connections begin and end.
    """
    active = np.flatnonzero(np.abs(source) > 1e-3)
    middle = (active[0] + active[-1]) // 2
    piece = source[middle : middle + 8192]
    apart = [float(np.abs(result[middle + k : middle + k + 8192] - piece).max()) for k in range(most)]
    best = int(np.argmin(apart))
    return best, apart[best]
