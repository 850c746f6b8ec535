"""Drain the rings of the audio process: update the monitor, and write the take.

One thread drains. Each method names the threads that may call it.

The recorder drains whether a take runs or not, so that a take can begin at any hop and the rings never fill.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtrave.errors import ControlError, RtraveError
from rtrave.ipc.hop_record import HopRecords
from rtrave.ipc.shared_memory import Shared
from rtrave.player.monitor import Monitor
from rtrave.session.folder import new_folder
from rtrave.session.writer import SessionWriter

PERIOD_S = 0.02

NewWriter = Callable[[Path], SessionWriter]
Row = NDArray[np.float64]


class Recorder:
    """Takes on disk, from the rings.

    Parameters
    ----------
    shared : Shared
        The recorder is the one reader of its rings.
    monitor : Monitor
        Receives every hop.
    sessions_dir : Path
    new_writer : callable
        Opens a take in a new folder.

    Attributes
    ----------
    folder : Path or None
        Of the present or the last take.
    failure : str
        Why the last take ended early, one line; empty where it did not.
    """

    def __init__(self, shared: Shared, monitor: Monitor, sessions_dir: Path, new_writer: NewWriter) -> None:
        self._shared, self._monitor = shared, monitor
        self._sessions_dir, self._new_writer = sessions_dir, new_writer
        self._writer: SessionWriter | None = None
        self._pending: deque[Row] = deque()  # control rows of hops not drained yet
        self._in_force: Row | None = None  # the control row of the last drained hop
        self._fresh = False  # the take has not written its first controls yet
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)
        self._dropped = dict.fromkeys(("audio", "hops", "controls"), 0.0)
        self._tag = ""
        self._model_index = 0
        self._paused = self._resumes = False  # between two models, and whether a take continues after it
        self._held: HopRecords = np.zeros(0, shared.spec.hop_dtype)  # hops of a model that is not adopted yet
        self.folder: Path | None = None
        self.failure = ""

    def run(self) -> None:
        """Start draining."""
        self._thread.start()

    def start(self, tag: str = "") -> Path:
        """Begin a take at the next hop, and return its folder. Any thread of the control process.

        Raises
        ------
        ControlError
            `busy`: a take runs already, or another model is coming in.
        RtraveError
            The disk refuses.
        """
        with self._lock:
            if self._writer is not None:
                raise ControlError("busy", f"a take runs already, in '{self.folder}': stop it first")
            if self._paused:
                raise ControlError("busy", "another model is being adopted: try again")
            return self._begin(tag)

    def _begin(self, tag: str) -> Path:
        folder = new_folder(self._sessions_dir, tag)
        self._tag = tag
        self._writer = self._new_writer(folder)
        self._fresh, self.folder, self.failure = True, folder, ""
        return folder

    def stop(self) -> None:
        """End the take where one runs. Any thread of the control process."""
        with self._lock:
            self._resumes = False
            self._close()

    def pause(self) -> None:
        """Write the last hops of the model, and leave all later ones in the rings until `resume`. Main thread.

        A take belongs to one model: one that runs ends here, and another one with the same tag begins in `resume`.
        """
        self.drain()
        with self._lock:
            self._paused, self._resumes = True, self._writer is not None
            self._close()

    def resume(self, model_index: int, shared: Shared) -> None:
        """Continue with the hops of another model, which wait in its rings. Main thread."""
        with self._lock:
            if shared is not self._shared:
                self._shared = shared
                self._held = np.zeros(0, shared.spec.hop_dtype)
                self._pending.clear()
                self._in_force = None
            self._paused, self._model_index = False, model_index
            if self._resumes:
                try:
                    self._begin(self._tag)
                except RtraveError as error:
                    self.failure = str(error)

    def abandon(self) -> None:
        """Discard the hops of a model that was not adopted. Main thread."""
        self.drain()
        with self._lock:
            self._shared.audio.read(int(self._held["samples"].sum()))
            self._held = self._held[:0]

    def event(self, kind: str, latent_frame: int | None = None, **fields: Any) -> None:
        """Write an event to the take where one runs. Any thread of the control process.

        `latent_frame`: None takes the frame after the last hop that was drained.
        """
        with self._lock:
            frame = self._monitor.latent_frame if latent_frame is None else latent_frame
            self._guarded(lambda writer: writer.event(kind, frame, **fields))

    @property
    def recording(self) -> bool:
        """True while a take runs."""
        return self._writer is not None

    @property
    def seconds(self) -> float:
        """Length of the take so far; 0 where none runs."""
        writer = self._writer
        return 0.0 if writer is None else writer.samples / self._monitor.sample_rate

    def close(self) -> None:
        """Stop draining, after the rings have been written out."""
        self._stopping.set()
        self._thread.join()
        self.stop()

    def _run(self) -> None:
        while not self._stopping.wait(PERIOD_S):
            self.drain()
        self.drain()

    def drain(self) -> None:
        """Read everything that waits in the rings. The recorder's thread, or the main thread between two models."""
        with self._lock:
            if self._paused:
                return
            hops = np.concatenate((self._held, self._shared.hops.read()))
            ours = hops["model_index"] == self._model_index
            count = len(hops) if ours.all() else int(np.argmin(ours))
            hops, self._held = hops[:count], hops[count:]
            if len(hops):
                audio = self._shared.audio.read(int(hops["samples"].sum()))
                self._pending.extend(self._shared.controls_log.read())
                self._monitor.update(hops)
                self._guarded(lambda writer: self._write(writer, hops, audio))
                self._advance(hops["latent_frame"][-1])
            self._note_drops()

    def _write(self, writer: SessionWriter, hops: HopRecords, audio: NDArray[np.float32]) -> None:
        first, last = hops["latent_frame"][0], hops["latent_frame"][-1]
        if self._fresh:
            self._advance(first)
            rows = [] if self._in_force is None else [np.concatenate(([first], self._in_force[1:]))]
            self._fresh = False
        else:
            rows = []
        writer.write_hops(hops)
        rows += [row for row in self._pending if row[0] <= last]
        if rows:
            writer.write_controls(np.array(rows))
        writer.write_audio(audio)

    def _advance(self, frame: float) -> None:
        while self._pending and self._pending[0][0] <= frame:
            self._in_force = self._pending.popleft()

    def _note_drops(self) -> None:
        for what, before in self._dropped.items():
            dropped = self._shared.status.get(f"{what}_dropped")
            if dropped != before:
                self._dropped[what] = dropped
                frame, count = self._monitor.latent_frame, int(dropped - before)
                self._guarded(partial(SessionWriter.event, kind="dropped", latent_frame=frame, what=what, count=count))

    def _guarded(self, action: Callable[[SessionWriter], None]) -> None:
        """Act on the take where one runs; an error of the disk ends the take, and only the take."""
        if self._writer is None:
            return
        try:
            action(self._writer)
        except RtraveError as error:
            self.failure = str(error)
            self._close()

    def _close(self) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            try:
                writer.close()
            except RtraveError as error:
                self.failure = str(error)
