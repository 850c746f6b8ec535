"""The player's side of a worker process for TorchScript. Needs no torch."""

from __future__ import annotations

import json
import queue
import subprocess
import sys
import threading
from typing import IO, Any

from rtrave.errors import RtraveError


class WorkerLostError(RtraveError):
    """The worker ended, or did not answer in time."""


class Worker:
    """One worker process (`rtrave.backends.torchscript.worker`). One thread at a time."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "rtrave.backends.torchscript.worker"]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        self._answers: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        threading.Thread(target=self._listen, args=(self.process.stdout,), daemon=True).start()

    def _listen(self, lines: IO[bytes]) -> None:
        for line in lines:
            self._answers.put(line)
        self._answers.put(None)

    def ask(self, request: dict[str, Any], limit_s: float) -> dict[str, Any]:
        """Send a request and wait for the answer.

        Raises
        ------
        RtraveError
            The file's own refusal, without its name.
        WorkerLostError
            The worker ended, or gave no answer within `limit_s` and should be killed.
        """
        stdin = self.process.stdin
        assert stdin is not None
        try:
            stdin.write(json.dumps(request).encode() + b"\n")
            stdin.flush()
            line = self._answers.get(timeout=limit_s)
        except OSError:
            line = None
        except queue.Empty:
            raise WorkerLostError(f"gave no answer for {limit_s:g} s") from None
        if line is None:
            raise WorkerLostError(f"ended its process (code {self.process.wait()})")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise RtraveError(answer["error"])
        return answer

    def kill(self) -> None:
        """Kill the process at once."""
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            try:
                if pipe is not None:
                    pipe.close()
            except OSError:  # the worker ended before it read everything
                pass
