"""Start the audio process, watch it, and start another one when it died or hangs. Control process, main thread.

A sound server that is lost leaves PortAudio hanging for good, so a process that stops calling back is ended by its id
and replaced. The controls live in shared memory and outlast it; the new process continues from them.
"""

from __future__ import annotations

import logging
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

from rtrave.errors import RtraveError
from rtrave.ipc.codec import encode
from rtrave.ipc.device_facts import DeviceFacts
from rtrave.ipc.messages import Clips, Command, Failed, FailureCode, Faulted, Loaded, LoadFailed, Start, Started, Stop
from rtrave.ipc.options import RunOptions, SoundCard
from rtrave.ipc.shared_memory import Shared
from rtrave.player.audio_child import AudioChild

_LOG = logging.getLogger("rtrave.supervisor")

START_LIMIT_S = 20.0
CALLBACK_LIMIT_S = 1.0  # without a callback; the time of two blocks is added to it
RETRY_S = 0.5
STOP_LIMIT_S = 5.0


class NoDeviceError(RtraveError):
    """The computer has no sound card."""


@dataclass(frozen=True)
class Lost:
    """The audio process ended or hangs, and is being replaced."""

    text: str


@dataclass(frozen=True)
class Retrying:
    """A new audio process did not start; the next attempt follows."""

    text: str


@dataclass(frozen=True)
class Restarted:
    """A new audio process plays, from this latent frame on, after a gap of silence."""

    gap_s: float
    latent_frame: int


Notice: TypeAlias = Lost | Retrying | Restarted | Loaded | LoadFailed | Faulted


def same_device(requested: SoundCard, facts: DeviceFacts) -> SoundCard:
    """Name the device that was lost, for the next audio process.

    An end that was chosen by its number or by default is named by its label: another device may have its number by
    then.
    """
    if facts.ports.found_by is None:
        return requested
    source, sink = facts.ports.found_by
    return SoundCard(
        requested.input if isinstance(requested.input, str) else source,
        requested.output if isinstance(requested.output, str) else sink,
    )


class Supervisor:
    """Supervisor of one audio process, which must keep playing.

    Parameters
    ----------
    options : RunOptions
    graph : Path
        Of the model that plays first.
    shared : Shared
    log : Path
        Takes the stderr of the audio processes.

    Attributes
    ----------
    options : RunOptions
        May be replaced before `start`.
    restarts : int
    """

    def __init__(self, options: RunOptions, graph: Path, shared: Shared, log: Path) -> None:
        self.options = options
        self._graph, self._shared, self._log = graph, shared, log
        self._model_index = 0
        self._clips: tuple[Path, ...] = ()
        self._child: AudioChild | None = None
        self._device: DeviceFacts | None = None
        self._playing = False
        self._playing_since_s = 0.0
        self._silent_since_s = 0.0
        self._retry_at_s = 0.0
        self._resumes_at = 0  # first latent frame of the process that was started last
        self.restarts = 0

    @property
    def device(self) -> DeviceFacts:
        """Facts of the device that is or was open. After `start`."""
        if self._device is None:
            raise RuntimeError("no audio process has started yet")
        return self._device

    @property
    def pid(self) -> int | None:
        """Process id of the audio process; None while there is none."""
        return self._child.process.pid if self._child else None

    @property
    def playing(self) -> bool:
        """True if the audio process has its device open."""
        return self._playing

    def start(self) -> None:
        """Start the first audio process and wait until it plays.

        Raises
        ------
        NoDeviceError
            The computer has no sound card.
        RtraveError
            Anything else that stops it; one line.
        """
        child = self._child = AudioChild(self._command(self.options), self._log)
        event = child.next_event(START_LIMIT_S)
        if isinstance(event, Started):
            self._begin(event)
            return
        child.kill()
        self._child = None
        if not isinstance(event, Failed):
            raise RtraveError(f"the audio process does not answer: see '{self._log}'")
        raise (NoDeviceError if event.code is FailureCode.NO_DEVICE else RtraveError)(event.message)

    def _command(self, options: RunOptions, first_latent_frame: int = 0, fade_in: bool = False) -> Start:
        section = self._shared.section
        return Start(options, self._graph, section, self._model_index, first_latent_frame, self._clips, fade_in)

    def _restart_command(self) -> Start:
        options = self.options
        if options.device is not None:
            options = replace(options, device=same_device(options.device, self.device))
        return self._command(options, self._resumes_at, fade_in=True)

    def send_clips(self, paths: Sequence[str | Path]) -> None:
        """Send the clips of the second source to this audio process, and to those that follow. Any thread."""
        self._clips = tuple(Path(path) for path in paths)
        child = self._child
        if child is not None:
            child.send(Clips(self._clips))

    def send(self, command: Command) -> bool:
        """Send a command to the audio process; return False where none plays."""
        if self._child is None or not self._playing:
            return False
        self._child.send(command)
        return True

    def adopt(self, loaded: Loaded, model_index: int, shared: Shared) -> None:
        """Use the model that the audio process now plays through this shared memory, also after a restart."""
        self._graph, self._model_index, self._shared = loaded.graph, model_index, shared
        self._device = loaded.device

    def poll(self) -> list[Notice]:
        """Look after the audio process, and return what happened to it. Call this some twenty times a second.

        Never waits.
        """
        now_s = time.monotonic()
        if self._child is None:
            if now_s >= self._retry_at_s:
                self._resumes_at = int(self._shared.status.get("latent_frame"))
                self._child = AudioChild(self._restart_command(), self._log)
            return []
        if not self._playing:
            return self._wait_for_start(self._child, now_s)
        notices: list[Notice] = []
        while (event := self._child.next_event(0)) is not None:
            _LOG.debug("the audio process reports %s", type(event).__name__)
            if isinstance(event, Loaded | LoadFailed | Faulted):
                notices.append(event)
        if notices:  # to be handled first: they change what is started again
            return notices
        alive_s = max(self._shared.status.get("heartbeat_s"), self._playing_since_s)
        limit_s = CALLBACK_LIMIT_S + 2 * self.device.callback_s
        code = self._child.process.poll()
        if code is not None or now_s - alive_s > limit_s:
            why = f"ended with code {code}" if code is not None else f"gave no sign for {limit_s:.1f} s"
            self._silent_since_s = alive_s
            self._playing = False
            self._give_up(now_s, 0.0)
            return [Lost(f"the audio process {why}; starting it again"), *self.poll()]
        return []

    def _wait_for_start(self, child: AudioChild, now_s: float) -> list[Notice]:
        event = child.next_event(0)
        if isinstance(event, Started):
            self._begin(event)
            self.restarts += 1
            return [Restarted(time.monotonic() - self._silent_since_s, self._resumes_at)]
        if event is not None or child.process.poll() is not None or now_s - child.started_s > START_LIMIT_S:
            self._give_up(now_s, RETRY_S)
            return [Retrying(event.message if isinstance(event, Failed) else "the audio process did not start")]
        return []

    def _begin(self, started: Started) -> None:
        self._device = started.device
        _LOG.info("%s", encode(started).decode().strip())
        self._playing = True
        self._playing_since_s = time.monotonic()  # opening a large model takes longer than it may stay silent

    def _give_up(self, now_s: float, wait_s: float) -> None:
        if self._child is not None:
            self._child.kill()
        self._child = None
        self._retry_at_s = now_s + wait_s

    def stop(self) -> None:
        """Fade out and end the audio process; by its id where it does not obey."""
        if self._child is None:
            return
        self._child.send(Stop())
        try:
            self._child.process.wait(STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            self._child.kill()
        self._child = None
        self._playing = False
