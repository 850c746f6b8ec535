"""Read a take, finished or cut off."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from rtrave.errors import RtraveError
from rtrave.session.audio_files import audio_paths, read_wavs
from rtrave.session.writer import FORMAT, VERSION


@dataclass(frozen=True)
class Session:
    """A take on disk.

    Attributes
    ----------
    folder : Path
    header : dict
        `session.json`, unchanged.
    sample_rate : int
        Hz.
    channels, dims, latent_frames : int
        C, D, and N per hop.
    second : int
        Channels of the second input; 0 without one.
    """

    folder: Path
    header: dict[str, Any]
    sample_rate: int
    channels: int
    dims: int
    latent_frames: int
    second: int = 0


def open_session(folder: Path) -> Session:
    """Read the header of a take; RtraveError where there is none, or one of another format."""
    path = folder / "session.json"
    try:
        header = json.loads(path.read_text(encoding="utf-8"))
        if header["format"] != FORMAT or header["version"] != VERSION:
            raise RtraveError(
                f"'{path}': expected {FORMAT!r} version {VERSION}, got {header['format']!r} version "
                f"{header['version']!r}: read it with the rtrave that wrote it"
            )
        numbers = {key: int(header[key]) for key in ("sample_rate", "channels", "dims", "latent_frames")}
        return Session(folder, header, **numbers, second=int(header.get("second_channels", 0)))
    except OSError as error:
        raise RtraveError(f"no session at '{folder}': {error.strerror or error}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise RtraveError(f"'{path}': expected the header of a session, got {error!r}") from error


def read_audio(
    session: Session, signal: Literal["input", "output"], start: int = 0, stop: int | None = None
) -> NDArray[np.float32]:
    """Return samples `start` to `stop` (the end where None) of the input or the output, float32 [C, T].

    The channels of a second input follow those of the input.
    """
    channels = session.channels + (session.second if signal == "input" else 0)
    return read_wavs(audio_paths(session.folder, signal), channels, start, stop)


def read_latents(session: Session, end: Literal["in", "out"]) -> NDArray[np.float32]:
    """Return the latents before ("in") or after ("out") the edits, float32 [n, D]; whole rows only."""
    path = session.folder / f"latents_{end}.f32"
    if session.dims == 0:  # the model is an effect: it has no latents
        return np.zeros((0, 0), np.float32)
    try:
        rows = path.stat().st_size // (4 * session.dims)
        return np.fromfile(path, "<f4", rows * session.dims).reshape(rows, session.dims)
    except OSError as error:
        raise RtraveError(f"cannot read '{path}': {error.strerror or error}") from error


def read_events(session: Session) -> list[dict[str, Any]]:
    """Return the events of a take, as `parse_events` does."""
    return parse_events(session.folder / "events.jsonl")


def parse_events(path: Path) -> list[dict[str, Any]]:
    """Return the events of an `events.jsonl` in the order they were written, without a torn last line.

    Raises
    ------
    RtraveError
        The file cannot be read, or a whole line is not an event.
    """
    try:
        *lines, _torn = path.read_bytes().split(b"\n")
    except OSError as error:
        raise RtraveError(f"cannot read '{path}': {error.strerror or error}") from error
    events: list[dict[str, Any]] = []
    for number, line in enumerate(lines, 1):
        try:
            event = json.loads(line)
            events.append({**event, "kind": str(event["kind"]), "latent_frame": int(event["latent_frame"])})
        except (ValueError, KeyError, TypeError) as error:
            raise RtraveError(f"'{path}', line {number}: expected an event, got {error!r}: remove the line") from error
    return events


def latent_index(session: Session) -> NDArray[np.int64]:
    """Return the latent frame of each row of the latents, int64 [n]; it jumps where hops are missing."""
    events = read_events(session)
    rows = min(len(read_latents(session, "in")), len(read_latents(session, "out")))
    index = np.arange(rows, dtype=np.int64)
    for event in events:
        if event["kind"] == "start":
            index += event["latent_frame"]
        elif event["kind"] == "dropped" and "row" in event:
            index[event["row"] :] += event["resumes_at"] - event["latent_frame"]
    return index


def control_changes(session: Session) -> list[tuple[int, dict[str, float | str]]]:
    """Return (latent frame, {address: value}) for each change; the first is the whole initial vector."""
    return [(event["latent_frame"], event["set"]) for event in read_events(session) if event["kind"] == "set"]
