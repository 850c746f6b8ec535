"""A training run: a folder that holds its settings, its corpus, the newest checkpoint, the model so far and examples.

`run.json` settings; `corpus.f32`, `corpus.json` the sounds; `checkpoint.pt` everything to go on from; `curve.jsonl` a
line per report; `<name>.safetensors` the model so far; `examples/` held-out sounds and what the model makes of them.
Each file appears whole or not at all, so that the run can be killed at any moment.
"""

from __future__ import annotations

import json
import os
import pickle
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch

from rtrave.errors import RtraveError
from rtrave.model.spec import read_record
from rtrave.settings import VERSION
from rtrave.train.recipe import Recipe
from rtrave.train.trainer import Trainer

SETTINGS, CHECKPOINT, CURVE, EXAMPLES = "run.json", "checkpoint.pt", "curve.jsonl", "examples"


@dataclass(frozen=True)
class Settings:
    """What a run was started with.

    Attributes
    ----------
    name : str
        Of the model.
    recipe : Recipe
    sample_rate, channels : int
    seed : int
    steps : int
        0 where the time counts.
    minutes : float
        Of training, 0 where the steps count.
    report_s : float
        Seconds between two reports, each with a checkpoint.
    start : str
        The model that the weights came from, or empty.
    sources : tuple of str
        The folders of the sounds.
    version : str
        Of rtrave.
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
    """The settings with another end and other reports, where they are given (not 0)."""
    ended = replace(settings, steps=steps, minutes=minutes) if steps or minutes else settings
    return replace(ended, report_s=report_s or settings.report_s)


def write_whole(path: Path, content: bytes) -> None:
    """Write a file that appears whole or not at all, also after a power cut."""
    part = path.with_name(path.name + ".part")
    try:
        with part.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        raise RtraveError(f"cannot write {path}: {error.strerror or error}") from error


def save_settings(run: Path, settings: Settings) -> None:
    """Write `run.json`."""
    write_whole(run / SETTINGS, json.dumps(asdict(settings), indent=1).encode())


def load_settings(run: Path) -> Settings:
    """Read `run.json`; RtraveError where there is no run."""
    try:
        record: dict[str, Any] = json.loads((run / SETTINGS).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise RtraveError(f"{run} holds no run to go on with: start one without --resume") from error
    except (OSError, ValueError) as error:
        raise RtraveError(f"cannot read {run / SETTINGS}: {error}") from error
    settings: Settings = read_record(Settings, record, SETTINGS)
    return settings


def save_checkpoint(run: Path, trainer: Trainer, elapsed_s: float) -> None:
    """Write everything that the run goes on from."""
    path = run / CHECKPOINT
    part = path.with_name(path.name + ".part")
    try:
        with part.open("wb") as file:
            torch.save(trainer.state() | {"elapsed_s": elapsed_s}, file)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except (OSError, RuntimeError) as error:
        raise RtraveError(f"cannot write {path}: {error}") from error


def load_checkpoint(run: Path, trainer: Trainer) -> float:
    """Put the newest checkpoint in, where there is one; seconds trained so far."""
    path = run / CHECKPOINT
    if not path.is_file():
        return 0.0
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        trainer.restore(state)
        return float(state["elapsed_s"])
    except (OSError, RuntimeError, EOFError, KeyError, ValueError, pickle.UnpicklingError) as error:
        reason = str(error).splitlines()[0]
        raise RtraveError(f"{path} does not belong to this run or is damaged ({reason})") from error
