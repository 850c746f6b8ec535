"""Messages between the control process and the audio process: commands in, events out, one JSON line each.

The first command is `Start`; the audio process answers it with `Started`, or with `Failed` and ends. After that it
takes `Load`, `Clips` and `Stop`, answers `Loaded` or `LoadFailed` to each `Load`, `Refused` to what it cannot do, and
`Stopped` as its last word. `Faulted` may come at any time after `Started`.
"""

from __future__ import annotations

import re
from enum import StrEnum
from pathlib import Path
from typing import TypeAlias

from msgspec import Struct

from rtrave.ipc.device_facts import DeviceFacts
from rtrave.ipc.options import RunOptions
from rtrave.ipc.shared_spec import SharedSection


def _tag(name: str) -> str:
    """Name of a message on the line: LoadFailed is load-failed."""
    return re.sub(r"(?<!^)(?=[A-Z])", "-", name).lower()


class _Command(Struct, frozen=True, forbid_unknown_fields=True, tag_field="command", tag=_tag):
    """Common settings of the commands."""


class _Event(Struct, frozen=True, forbid_unknown_fields=True, tag_field="event", tag=_tag):
    """Common settings of the events."""


class Start(_Command, frozen=True):
    """Open the device and play.

    Parameters
    ----------
    options : RunOptions
    graph : Path
        Folder of the compiled graph.
    shared : SharedSection
        Shared memory of the run.
    model_index : int
        How many models played in this run before this one.
    first_latent_frame : int
        Index of the first latent frame; after a restart the count continues.
    clips : tuple of Path
        Latents of the second source's clips, in order: .npy, float32 [D, N].
    fade_in : bool
        Fade the sound in, after a gap.
    """

    options: RunOptions
    graph: Path
    shared: SharedSection
    model_index: int = 0
    first_latent_frame: int = 0
    clips: tuple[Path, ...] = ()
    fade_in: bool = False


class Load(_Command, frozen=True):
    """Change to another model while playing.

    Parameters
    ----------
    graph : Path
        Folder of the compiled graph.
    model_index : int
        As in `Start`.
    fade_ms : float
        Length of the crossfade.
    shared : SharedSection or None
        Shared memory for a model of another shape; None where the present one fits.
    """

    graph: Path
    model_index: int
    fade_ms: float
    shared: SharedSection | None = None


class Clips(_Command, frozen=True):
    """Replace the clips of the second source by these files, as in `Start`."""

    paths: tuple[Path, ...]


class Stop(_Command, frozen=True):
    """Fade out and end. The end of the input means the same."""


class Started(_Event, frozen=True):
    """The device is open and the model plays."""

    device: DeviceFacts


class Loaded(_Event, frozen=True):
    """The model of a `Load` plays, and the one before it does no more."""

    graph: Path
    device: DeviceFacts


class LoadFailed(_Event, frozen=True):
    """The model of a `Load` does not play; the one before it plays on. `message` is one line."""

    graph: Path
    message: str


class FailureCode(StrEnum):
    """Why an audio process did not start."""

    NO_DEVICE = "no-device"  # no sound card to take by default
    REFUSED = "refused"  # everything else


class Failed(_Event, frozen=True):
    """The audio process cannot start, and ends with exit code 1. `message` is one line."""

    code: FailureCode
    message: str


class Refused(_Event, frozen=True):
    """A command could not be carried out; nothing changed. `message` is one line."""

    message: str


class FaultSource(StrEnum):
    """Part of the audio process that raised."""

    CALLBACK = "callback"
    ENGINE = "engine"


class Faulted(_Event, frozen=True):
    """The callback or the engine raised; the sound goes on. Each different fault is reported once."""

    source: FaultSource
    traceback: str


class Stopped(_Event, frozen=True):
    """The device is closed; the process ends with exit code 0."""


Command: TypeAlias = Start | Load | Clips | Stop
Event: TypeAlias = Started | Loaded | LoadFailed | Failed | Refused | Faulted | Stopped
