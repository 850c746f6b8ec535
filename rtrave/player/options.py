"""Options of a live run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rtrave.ipc.options import RunOptions
from rtrave.settings import clips_dir


@dataclass(frozen=True)
class LiveOptions:
    """Options of a live run: those of the audio process, and those that the control process alone needs.

    Attributes
    ----------
    audio : RunOptions
        Options of the audio process.
    graph : Path
        Folder of the compiled graph that plays first.
    sessions_dir : Path
        Folder of the takes.
    hop : int or None
        Samples that a model takes at once, also one that is loaded later; None is the model's own.
    input_file : Path or None
        Sound that the null device loops; None is the demo sound.
    osc_port : int
        UDP and TCP port; 0 takes any free one.
    osc_bind : str
        Address to listen on.
    osc_targets : sequence of str
        HOST:PORT of those that receive all feedback.
    osc_allow : sequence of str
        Networks beyond this computer that may use OSCQuery.
    clips_dir : Path
        Folder of the second source's sounds.
    state : Path or None
        File of the persisted controls and snapshots; None persists nothing.
    calibration : Path or None
        File of the calibration that is learned from the live input; None persists nothing.
    record : bool
        Begin a take at once.
    duration_s : float or None
        Stop after so long.
    log : Path or None
        The open log file of the run (`rtrave.player.log`); None: there is none.
    """

    audio: RunOptions
    graph: Path
    sessions_dir: Path
    hop: int | None = None
    input_file: Path | None = None
    osc_port: int = 9000
    osc_bind: str = "127.0.0.1"
    osc_targets: Sequence[str] = ()
    osc_allow: Sequence[str] = ()
    clips_dir: Path = field(default_factory=clips_dir)
    state: Path | None = None
    calibration: Path | None = None
    record: bool = False
    duration_s: float | None = None
    log: Path | None = None
