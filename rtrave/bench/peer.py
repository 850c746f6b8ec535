"""The peer: a TorchScript file of the nn~ contract, run as nn~ runs it, in a process of its own.

`python -m rtrave.bench.peer`: the first line on stdin says what to load, every other one how many blocks to run; each
is answered by one line of JSON on stdout.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import IO, Any, cast

from rtrave.errors import RtraveError


class Peer:
    """A running peer. Use as a context manager.

    Parameters
    ----------
    path : Path
        The TorchScript file.
    channels, block : int
        Of the audio it is given: [1, channels, block].
    threads : int
        Of PyTorch.
    warm_up : int
        Blocks to run before any is timed.

    Raises
    ------
    RtraveError
        It cannot be loaded or run; one line.
    """

    def __init__(self, path: Path, channels: int, block: int, threads: int, warm_up: int = 20) -> None:
        self.name = path.name
        command = [sys.executable, "-m", "rtrave.bench.peer"]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        wish = {"path": str(path), "channels": channels, "block": block, "threads": threads, "warm_up": warm_up}
        self._ask(wish)

    def __enter__(self) -> Peer:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()

    def run(self, blocks: int) -> list[float]:
        """Seconds that each of so many blocks took."""
        times: list[float] = self._ask({"blocks": blocks})["times_s"]
        return times

    def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        to, back = cast(IO[str], self._process.stdin), cast(IO[str], self._process.stdout)
        try:
            to.write(json.dumps(request) + "\n")
            to.flush()
            line = back.readline()
        except OSError:
            line = ""
        answer: dict[str, Any] = json.loads(line) if line else {"error": "its process ended"}
        if "error" in answer:
            self._process.kill()
            raise RtraveError(f"cannot run {self.name} as a peer: {answer['error']}")
        return answer


def _open(request: dict[str, Any]) -> Any:
    """The call to time."""
    import torch

    torch.set_num_threads(request["threads"])
    module = torch.jit.load(request["path"], map_location="cpu").eval()
    x = 0.1 * torch.randn(1, request["channels"], request["block"])

    def call() -> None:
        with torch.no_grad():
            module(x)

    for _ in range(request["warm_up"]):
        call()
    return call


def main() -> int:
    """Answer requests until stdin ends."""
    call: Any = None
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer: dict[str, Any] = {}
            if call is None:
                call = _open(request)
            else:
                times_s = []
                for _ in range(request["blocks"]):
                    start_s = time.perf_counter()
                    call()
                    times_s.append(time.perf_counter() - start_s)
                answer = {"times_s": times_s}
        except Exception as error:  # whatever a foreign file raises is the answer
            answer = {"error": (str(error).strip().splitlines() or [type(error).__name__])[-1]}
        print(json.dumps(answer), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
