"""Write a take: one folder, each file readable after a kill at any moment. See docs/formats.md."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import datetime
from io import FileIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtrave.control.vector import Layout
from rtrave.errors import RtraveError
from rtrave.ipc.hop_record import HopRecords
from rtrave.session.audio_files import WAV_LIMIT_BYTES, GrowingWav
from rtrave.session.folder import cannot_record

FORMAT = "rtrave-session"
VERSION = 1


class SessionWriter:
    """One take on disk.

    The writer itself writes the events `start` (with the first hop), `set` (from the controls), `late` and `nonfinite`
    (from the hops), `dropped` where hops are missing, and `stop`; the caller writes the rest with `event`. The first
    error of the disk ends the take, since rows after a gap would look like rows in their place: every later call raises
    the same error, and only `close` remains.

    Parameters
    ----------
    folder : Path
        A new folder, from `new_folder`.
    header : Mapping
        Facts that the caller knows: model, settings, seed, versions, latency terms; JSON values.
    sample_rate : int
        Hz.
    channels, dims, latent_frames : int
        C, D, and N per hop of the engine.
    second : int
        Channels of the second input; 0 without one.
    layout : Layout
        Of the control vector.
    clock : callable
        Seconds, monotonic. The `time_s` of the events counts from now.
    limit_bytes : int
        Sample data per WAV file, at most.

    Raises
    ------
    RtraveError
        The folder cannot be written to, or holds a session already.

    Notes
    -----
    Control process. `event` may be called from any thread; the other methods by one thread at a time.
    """

    def __init__(
        self,
        folder: Path,
        header: Mapping[str, Any],
        sample_rate: int,
        channels: int,
        dims: int,
        latent_frames: int,
        layout: Layout,
        *,
        second: int = 0,
        clock: Callable[[], float] = time.monotonic,
        limit_bytes: int = WAV_LIMIT_BYTES,
    ) -> None:
        self.folder = folder
        self._dims, self._latent_frames = dims, latent_frames
        self._layout = layout
        self._clock, self._opened_s = clock, clock()
        self._next_frame: int | None = None
        self._rows = 0
        self._vector: NDArray[np.float64] | None = None
        self._failure: RtraveError | None = None
        self._closed = False
        own = {
            "format": FORMAT,
            "version": VERSION,
            "started": datetime.now().astimezone().isoformat(timespec="milliseconds"),
            "sample_rate": sample_rate,
            "channels": channels,
            "second_channels": second,
            "dims": dims,
            "latent_frames": latent_frames,
            "controls": list(layout.addresses),
        }
        try:
            _write_header(folder, {**header, **own})
            self._events = _append_only(folder / "events.jsonl")
            self._latents = [_append_only(folder / f"latents_{end}.f32") for end in ("in", "out")]
        except OSError as error:
            raise cannot_record(folder, error) from error
        self._inputs = channels + second
        narrow_bytes = limit_bytes * channels // self._inputs  # so both signals are split at the same sample
        self._audio = [
            GrowingWav(folder, "input", sample_rate, self._inputs, limit_bytes),
            GrowingWav(folder, "output", sample_rate, channels, narrow_bytes),
        ]

    @property
    def samples(self) -> int:
        """Samples of the take so far, per channel."""
        return self._audio[1].samples

    def write_audio(self, rows: NDArray[np.float32]) -> None:
        """Append rows of the audio ring, float32 [T, audio_width]: input, second input, output channels.

        RtraveError when the disk refuses them.
        """
        with self._writing():
            self._audio[0].write(rows[:, : self._inputs])
            self._audio[1].write(rows[:, self._inputs :])

    def write_hops(self, hops: HopRecords) -> None:
        """Append the latents of hop records [n], and an event for each fault.

        RtraveError when the disk refuses them.
        """
        if not len(hops):
            return
        frames = hops["latent_frame"]
        if self._next_frame is None:
            self.event("start", int(frames[0]))
            self._next_frame = int(frames[0])
        expected = np.concatenate([[self._next_frame], frames[:-1] + self._latent_frames])
        faulty = hops["late"] | hops["nonfinite_in"] | hops["nonfinite_out"]
        for index in np.flatnonzero((frames != expected) | (faulty != 0)):
            row_of_file = self._rows + int(index) * self._latent_frames
            self._write_hop_events(hops[index], int(expected[index]), row_of_file)
        for file, name in zip(self._latents, ("z_in", "z_out"), strict=True):
            by_frame = hops[name].astype("<f4", copy=False).transpose(0, 2, 1)
            with self._writing():
                _write_whole(file, by_frame.tobytes())
        self._rows += len(hops) * self._latent_frames
        self._next_frame = int(frames[-1]) + self._latent_frames

    def write_controls(self, rows: NDArray[np.float64]) -> None:
        """Append rows of the controls ring, float64 [n, 2 + layout.size]: latent frame, sequence, vector.

        The first row of a take becomes its whole initial vector: pass the current row when the take starts. Of each row
        after it, the controls that changed are written. RtraveError when the disk refuses them.
        """
        for row in rows:
            vector = row[2:].copy()
            # A vector that differs everywhere, so that the first one is written whole.
            old = vector + 1.0 if self._vector is None else self._vector
            changes = self._layout.diff(old, vector)
            if changes:
                self.event("set", int(row[0]), set=changes)
            self._vector = vector

    def event(self, kind: str, latent_frame: int, **fields: Any) -> None:
        """Append one line to `events.jsonl`.

        Parameters
        ----------
        kind : str
            The caller's kinds: restart (gap_s), dropped (what, count), mark (text), device (text).
        latent_frame : int
            Place in the stream.
        **fields
            JSON values; NaN and infinities are refused with ValueError.

        Raises
        ------
        RtraveError
            The disk refuses.
        """
        time_s = round(self._clock() - self._opened_s, 6)
        line = {"latent_frame": latent_frame, "time_s": time_s, "kind": kind, **fields}
        with self._writing():
            _write_whole(self._events, (_json(line) + "\n").encode())

    def close(self) -> None:
        """Write the event `stop` and close all files, also where writing fails; a second call does nothing."""
        if self._closed:
            return
        self._closed = True
        with ExitStack() as stack:
            stack.callback(self._events.close)
            for latents in self._latents:
                stack.callback(latents.close)
            for wav in self._audio:
                stack.callback(wav.close)
            if self._failure is None:
                self.event("stop", self._next_frame or 0, samples=self.samples)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        if self._failure is not None:
            raise RtraveError(str(self._failure))
        try:
            yield
        except RtraveError as error:
            self._failure = error
            raise

    def _write_hop_events(self, hop: np.void, expected: int, row_of_file: int) -> None:
        frame = int(hop["latent_frame"])
        if frame != expected:
            self.event("dropped", expected, what="hops", row=row_of_file, resumes_at=frame)
        if hop["late"]:
            self.event("late", frame, compute_s=float(hop["compute_s"]), wake_s=float(hop["wake_s"]))
        if hop["nonfinite_in"] or hop["nonfinite_out"]:
            counts = {"samples_in": int(hop["nonfinite_in"]), "samples_out": int(hop["nonfinite_out"])}
            self.event("nonfinite", frame, **counts)


def _write_header(folder: Path, header: Mapping[str, Any]) -> None:
    path = folder / "session.json"
    if path.exists():
        raise RtraveError(f"'{folder}': expected an empty folder, got one with a session: choose another folder")
    folder.mkdir(parents=True, exist_ok=True)
    text = _json(header, indent=2) + "\n"
    part = path.with_suffix(".json.part")
    part.write_text(text, encoding="utf-8")
    os.replace(part, path)


def _append_only(path: Path) -> FileIO:
    return open(path, "xb", buffering=0)


def _write_whole(file: FileIO, data: bytes) -> None:
    # One write call per piece: pieces of two threads do not mix, and a kill loses nothing that was written.
    try:
        written = file.write(data)
    except OSError as error:
        raise _refused(file, error.strerror or str(error)) from error
    if written != len(data):
        raise _refused(file, "disk full")


def _refused(file: FileIO, reason: str) -> RtraveError:
    return RtraveError(f"cannot write '{file.name!s}': {reason}: free some space and start another take")


def _json(value: Any, indent: int | None = None) -> str:
    return json.dumps(value, indent=indent, ensure_ascii=False, allow_nan=False, default=_plain)


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    return str(value)
