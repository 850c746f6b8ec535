"""The peer of a benchmark: a TorchScript file of the nn~ contract, run as nn~ runs it, in a process of its own.

The child process (`python -m rtrave.bench.peer`) reads lines of JSON from stdin: first a `Setup`, then numbers of
blocks to run. It answers each line with an `Answer` on stdout.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, cast

from rtrave.errors import RtraveError


@dataclass(frozen=True)
class Setup:
    """The file to load, and how to run it.

    Attributes
    ----------
    path : str
        The TorchScript file.
    channels, block : int
        Shape of the input: [1, channels, block].
    threads : int
        Threads of PyTorch.
    warm_up : int
        Blocks to run before any is timed.
    """

    path: str
    channels: int
    block: int
    threads: int
    warm_up: int


@dataclass(frozen=True)
class Answer:
    """The seconds that each block took, or the error that stopped the child."""

    times_s: tuple[float, ...] = ()
    error: str = ""


class Peer:
    """A running peer, used as a context manager.

    Parameters
    ----------
    path : Path
        The TorchScript file.
    channels, block : int
        Shape of the audio input: [1, channels, block].
    threads : int
        Threads of PyTorch.
    warm_up : int
        Blocks to run before any is timed.

    Raises
    ------
    RtraveError
        The file cannot be loaded or run; one line.
    """

    def __init__(self, path: Path, channels: int, block: int, threads: int, warm_up: int = 20) -> None:
        self.name = path.name
        command = [sys.executable, "-m", "rtrave.bench.peer"]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._request(json.dumps(asdict(Setup(str(path), channels, block, threads, warm_up))))

    def __enter__(self) -> Peer:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()

    def run(self, blocks: int) -> list[float]:
        """Run `blocks` blocks in the child, and return the seconds of each; RtraveError if the child fails."""
        return list(self._request(json.dumps(blocks)).times_s)

    def _request(self, line: str) -> Answer:
        """Send a line to the child and wait for its answer; RtraveError, after ending the child, for an error."""
        stdin, stdout = cast(IO[str], self._process.stdin), cast(IO[str], self._process.stdout)
        try:
            stdin.write(line + "\n")
            stdin.flush()
            reply = stdout.readline()
        except OSError:
            reply = ""
        answer = Answer(**json.loads(reply)) if reply else Answer(error="its process ended")
        if answer.error:
            self._process.kill()
            raise RtraveError(f"--against: cannot run '{self.name}': {answer.error}")
        return answer


def _open(setup: Setup) -> Callable[[], None]:
    """Load the file, warm it up, and return the call to time."""
    import torch

    torch.set_num_threads(setup.threads)
    module = torch.jit.load(setup.path, map_location="cpu").eval()
    x = 0.1 * torch.randn(1, setup.channels, setup.block)

    def call() -> None:
        with torch.no_grad():
            module(x)

    for _ in range(setup.warm_up):
        call()
    return call


def _timed(call: Callable[[], None], blocks: int) -> Answer:
    times_s = []
    for _ in range(blocks):
        start_s = time.perf_counter()
        call()
        times_s.append(time.perf_counter() - start_s)
    return Answer(tuple(times_s))


def main() -> int:
    """Answer requests until stdin ends."""
    call: Callable[[], None] | None = None
    for line in sys.stdin:
        try:
            if call is None:
                call, answer = _open(Setup(**json.loads(line))), Answer()
            else:
                answer = _timed(call, int(line))
        except Exception as error:  # a third-party file may raise anything; the parent reports it
            answer = Answer(error=(str(error).strip().splitlines() or [type(error).__name__])[-1])
        print(json.dumps(asdict(answer)), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
