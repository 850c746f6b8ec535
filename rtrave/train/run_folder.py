"""The folder of a training run.

`run.json`: settings. `corpus.f32`, `corpus.json`: the training sounds. `checkpoint.pt`: the newest state of the
trainer. `curve.jsonl`: one line per report. `<name>.safetensors`: the model as of the newest report. `examples/`:
held-out sounds and their reconstructions. Each file appears whole or not at all, so a run can be killed at any moment.
"""

from __future__ import annotations

import json
import os
import pickle
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch

from rtrave.errors import RtraveError
from rtrave.model.spec import read_record
from rtrave.settings import VERSION
from rtrave.train.recipe import Recipe
from rtrave.train.trainer import Trainer

SETTINGS, CHECKPOINT, CURVE, EXAMPLES = "run.json", "checkpoint.pt", "curve.jsonl", "examples"


@dataclass(frozen=True)
class Settings:
    """Settings of a run, as `run.json` stores them.

    Attributes
    ----------
    name : str
        Name of the model.
    recipe : Recipe
    sample_rate : int
        Hz.
    channels : int
        Audio channels.
    seed : int
        Seed of every draw.
    steps : int
        Length of the run; 0 if `minutes` gives it.
    minutes : float
        Training time; 0 if `steps` gives the length.
    report_s : float
        Seconds between two reports, each of which writes a checkpoint.
    start : str
        Model whose weights the run started with; empty for random weights.
    sources : tuple of str
        Folders of the training sounds.
    version : str
        rtrave's version.
    """

    name: str
    recipe: Recipe
    sample_rate: int
    channels: int
    seed: int
    steps: int
    minutes: float
    report_s: float
    start: str = ""
    sources: tuple[str, ...] = ()
    version: str = VERSION


def extended(settings: Settings, steps: int, minutes: float, report_s: float) -> Settings:
    """Return the settings with another length and another report interval; an argument of 0 keeps the old value."""
    lengthened = replace(settings, steps=steps, minutes=minutes) if steps or minutes else settings
    return replace(lengthened, report_s=report_s or settings.report_s)


def write_whole(path: Path, content: bytes) -> None:
    """Write a file atomically: it appears whole or not at all, even after a power cut."""
    part = path.with_name(path.name + ".part")
    try:
        with part.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        raise RtraveError(f"cannot write '{path}': {error.strerror or error}") from error


def save_settings(run: Path, settings: Settings) -> None:
    """Write `run.json`."""
    write_whole(run / SETTINGS, json.dumps(asdict(settings), indent=1).encode())


def load_settings(run: Path) -> Settings:
    """Read `run.json`; RtraveError if it is missing, unreadable or invalid."""
    path = run / SETTINGS
    try:
        settings: Settings = read_record(Settings, json.loads(path.read_text(encoding="utf-8")), SETTINGS)
    except FileNotFoundError as error:
        raise RtraveError(f"no run to resume in '{run}': start one without --resume") from error
    except (OSError, ValueError) as error:
        raise RtraveError(f"cannot read '{path}': {error}") from error
    return settings


def save_checkpoint(run: Path, trainer: Trainer, elapsed_s: float) -> None:
    """Write the state of the trainer and the seconds trained so far."""
    path = run / CHECKPOINT
    part = path.with_name(path.name + ".part")
    try:
        with part.open("wb") as file:
            torch.save({**trainer.state(), "elapsed_s": elapsed_s}, file)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except (OSError, RuntimeError) as error:
        raise RtraveError(f"cannot write '{path}': {error}") from error


def load_checkpoint(run: Path, trainer: Trainer) -> float:
    """Restore the trainer from the run's checkpoint, if there is one; return the seconds trained so far.

    Raises
    ------
    RtraveError
        The checkpoint is damaged or belongs to another run.
    """
    path = run / CHECKPOINT
    if not path.is_file():
        return 0.0
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        trainer.restore(state)
        return float(state["elapsed_s"])
    except (OSError, RuntimeError, EOFError, KeyError, ValueError, pickle.UnpicklingError) as error:
        reason = str(error).splitlines()[0]
        raise RtraveError(
            f"'{path}': expected a checkpoint of this run, got another or a damaged one ({reason}): start a new run"
        ) from error
