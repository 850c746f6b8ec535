"""Starts the audio process, watches it, and starts it again when it died or hangs. Control process, main thread.

A sound server that is lost leaves PortAudio hanging for good, so a process that stops calling back is ended by its id
and replaced. The controls live in shared memory and outlast it; the new one plays on from them.
"""

from __future__ import annotations

import json
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from rtrave.errors import RtraveError
from rtrave.ipc.shared_memory import Shared, section

START_LIMIT_S = 20.0
HANG_LIMIT_S = 1.0  # without a callback; added to it, the time of two blocks
RETRY_S = 0.5
STOP_LIMIT_S = 5.0


class NoDeviceError(RtraveError):
    """There is no sound card."""


class Child:
    """One audio process: its configuration goes in on stdin, JSON lines come out on stdout."""

    def __init__(self, config: dict[str, Any], log: Path) -> None:
        command = [sys.executable, "-m", "rtrave.audio.process"]
        with log.open("ab") as errors:
            self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors)
        self.started_s = time.monotonic()
        self.told: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        threading.Thread(target=self._listen, args=(self.process.stdout,), daemon=True).start()
        self.send(config)

    def _listen(self, lines: IO[bytes]) -> None:
        for line in lines:
            try:
                self.told.put(json.loads(line))
            except ValueError:  # a library's own print
                continue

    def send(self, record: dict[str, Any]) -> None:
        """One line to its stdin; nothing where it is gone."""
        try:
            self.process.stdin.write(json.dumps(record).encode() + b"\n")  # type: ignore[union-attr]
            self.process.stdin.flush()  # type: ignore[union-attr]
        except OSError:
            pass

    def next_line(self, timeout_s: float) -> dict[str, Any] | None:
        """The next thing it told, or None."""
        try:
            return self.told.get(timeout=timeout_s) if timeout_s > 0 else self.told.get_nowait()
        except queue.Empty:
            return None

    def kill(self) -> None:
        """End it by its id, now."""
        self.process.kill()
        self.process.wait()


class Supervisor:
    """Keeps one audio process playing.

    Parameters
    ----------
    config : dict
        Of the audio process (`rtrave.audio.opening.Config`); `first_latent_frame` is filled in here.
    shared : Shared
    log : Path
        Takes the process's stderr.
    notify : callable
        Called with ("lost", text), ("restart", gap in seconds, latent frame), ("retry", text) and ("model", what the
        audio process told of a load), on the main thread.

    Attributes
    ----------
    device : dict
        What the audio process told of the open device.
    restarts : int
    """

    def __init__(self, config: dict[str, Any], shared: Shared, log: Path, notify: Callable[..., None]) -> None:
        self._config, self._shared, self._log, self._notify = config, shared, log, notify
        self._child: Child | None = None
        self._playing = False
        self._playing_since_s = 0.0
        self._silent_since_s = 0.0
        self._retry_at_s = 0.0
        self._resumes_at = 0  # first latent frame of the process that was started last
        self.device: dict[str, Any] = {}
        self.restarts = 0

    @property
    def pid(self) -> int | None:
        """Process id of the audio process, where one is there."""
        return self._child.process.pid if self._child else None

    @property
    def playing(self) -> bool:
        """Whether the audio process has its device open."""
        return self._playing

    def start(self) -> None:
        """Start the first audio process and wait until it plays; what stops it is raised as one line."""
        child = self._child = Child(self._config, self._log)
        told = child.next_line(START_LIMIT_S)
        if told is None or told["event"] != "started":
            child.kill()
            self._child = None
            code = (told or {}).get("code")
            message = (told or {}).get("message", f"the audio process does not answer; see {self._log}")
            raise NoDeviceError(message) if code == "no-device" else RtraveError(message)
        self._began(told)

    def send_clips(self, paths: list[str]) -> None:
        """Hand the clips of the second source over, to this audio process and to those that follow. Any thread."""
        self._config["clips"] = list(paths)
        child = self._child
        if child is not None:
            child.send({"command": "clips", "paths": list(paths)})

    def poll(self) -> None:
        """Look after the audio process; call it some twenty times a second. Never waits."""
        now_s = time.monotonic()
        if self._child is None:
            if now_s >= self._retry_at_s:
                self._resumes_at = int(self._shared.status.get("latent_frame"))
                again = {"first_latent_frame": self._resumes_at, "device": self._same_device(), "fade_in": True}
                self._child = Child(self._config | again, self._log)
            return
        if not self._playing:
            self._wait_for_start(self._child, now_s)
            return
        while (told := self._child.next_line(0)) is not None:
            if told.get("event") in ("loaded", "load-failed"):
                self._notify("model", told)
        heartbeat_s = self._shared.status.get("heartbeat_s")
        block = self.device["block"] or self.device["hop"]  # None where it changes from call to call
        limit_s = HANG_LIMIT_S + 2 * block / self.device["sample_rate"]
        code = self._child.process.poll()
        if code is not None or now_s - max(heartbeat_s, self._playing_since_s) > limit_s:
            why = f"ended with code {code}" if code is not None else f"gave no sign for {limit_s:.1f} s"
            self._silent_since_s = max(heartbeat_s, self._playing_since_s)
            self._playing = False
            self._give_up(now_s, 0.0)
            self._notify("lost", f"the audio process {why}; starting it again")
            self.poll()

    def _same_device(self) -> dict[str, Any]:
        """The device that was lost, by name and host API where it was taken by its number or by default: another one
        may have its number now, and nobody wants to hear another one."""
        device: dict[str, Any] = self._config["device"]
        if "found_by" not in self.device:
            return device
        found = dict(zip(("input", "output"), self.device["found_by"], strict=True))
        return {end: name if isinstance(name, str) else found[end] for end, name in device.items()}

    def _wait_for_start(self, child: Child, now_s: float) -> None:
        told = child.next_line(0)
        if told is not None and told["event"] == "started":
            self._began(told)
            self.restarts += 1
            gap_s = time.monotonic() - self._silent_since_s
            self._notify("restart", gap_s, self._resumes_at)
        elif told is not None or child.process.poll() is not None or now_s - child.started_s > START_LIMIT_S:
            self._give_up(now_s, RETRY_S)
            self._notify("retry", (told or {}).get("message", "the audio process did not start"))

    def _began(self, told: dict[str, Any]) -> None:
        self.device = {key: value for key, value in told.items() if key != "event"}
        self._playing = True
        self._playing_since_s = time.monotonic()  # opening a large model takes longer than it may stay silent

    def _give_up(self, now_s: float, wait_s: float) -> None:
        if self._child is not None:
            self._child.kill()
        self._child = None
        self._retry_at_s = now_s + wait_s

    def send(self, command: dict[str, Any]) -> bool:
        """A command to the audio process; False where none plays."""
        if self._child is None or not self._playing:
            return False
        self._child.send(command)
        return True

    def plays(self, graph: str, model: int, told: dict[str, Any], shared: Shared) -> None:
        """The audio process plays another model, through this shared memory; one that is started again will, too."""
        self._shared = shared
        self._config |= {"graph": graph, "model": model, "shared": section(shared)}
        self.device |= {key: value for key, value in told.items() if key not in ("event", "graph")}

    def stop(self) -> None:
        """Fade out and end the audio process; by its id where it does not listen."""
        if self._child is None:
            return
        self._child.send({"command": "stop"})
        try:
            self._child.process.wait(STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            self._child.kill()
        self._child = None
        self._playing = False
