"""A training run: a folder that holds its settings, its corpus, the newest checkpoint, the model so far and examples.

`run.json` settings; `corpus.f32`, `corpus.json` the sounds; `checkpoint.pt` everything to go on from; `curve.jsonl` a
line per report; `<name>.safetensors` the model so far; `examples/` held-out sounds and what the model makes of them.
Each file appears whole or not at all, so that the run can be killed at any moment.
"""

from __future__ import annotations

import json
import os
import pickle
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from rtrave.errors import RtraveError
from rtrave.model.rave import Model
from rtrave.model.spec import read_record
from rtrave.settings import VERSION
from rtrave.sound_file import SoundWriter
from rtrave.train.board import write_board
from rtrave.train.corpus import Corpus
from rtrave.train.finish import finish
from rtrave.train.recipe import Recipe
from rtrave.train.spectral import spectral_distance
from rtrave.train.trainer import Trainer

SETTINGS, CHECKPOINT, CURVE, EXAMPLES = "run.json", "checkpoint.pt", "curve.jsonl", "examples"
HELD_OUT_CLIPS, HELD_OUT_FRAMES = 16, 32  # latent frames of the ratio 2048, or as many samples
LATENT_CLIPS = 64  # of training sound, for the PCA
EXAMPLE_CLIPS = 6
PEAK = 0.8
LONGEST_STEP_S = 10.0  # a step that took longer was suspended meanwhile: that is no training
REFERENCE_RATIO = 2048


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


@dataclass(frozen=True)
class Report:
    """How far a run is: `progress` 0 to 1, the losses of the last step, and at times the distance on held-out sound."""

    step: int
    progress: float
    losses: dict[str, float]
    held_out: float | None = None


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


def _save_checkpoint(run: Path, trainer: Trainer, elapsed_s: float) -> None:
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


def _load_checkpoint(run: Path, trainer: Trainer) -> float:
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


@torch.no_grad()
def held_out_distance(model: Model, clips: np.ndarray) -> tuple[float, np.ndarray]:
    """Mean spectral distance on clips [clips, C, T] at a peak of .8, and what the model made of them.

    Compared with what the filter bank alone makes of them, as the training does.
    """
    x = torch.from_numpy(clips)
    x = x * (PEAK / x.abs().amax(dim=(1, 2), keepdim=True).clamp(min=1e-6))
    came = torch.cat([model(clip[None]) for clip in x])
    expected = model.output_bank.synthesis(model.output_bank.analysis(x))
    distances = [float(spectral_distance(expected[i], came[i])) for i in range(len(x)) if clips[i].any()]
    return float(np.mean(distances)), came.numpy()


class _Reporter:
    """Judges the model so far and writes what a run keeps."""

    def __init__(self, run: Path, settings: Settings, corpus: Corpus, ratio: int, board: bool) -> None:
        self.run, self.settings, self.board = run, settings, board
        samples = -(-HELD_OUT_FRAMES * REFERENCE_RATIO // ratio) * ratio
        self.clips = corpus.held_out(samples, HELD_OUT_CLIPS)
        generator = np.random.default_rng(settings.seed)
        self.latent_clips = np.stack([corpus.crop(generator, samples) for _ in range(LATENT_CLIPS)])

    def report(self, trainer: Trainer, elapsed_s: float, losses: dict[str, float]) -> float:
        """Write everything; the distance on held-out sound."""
        model = trainer.result()
        distance, made = held_out_distance(model, self.clips)
        _save_checkpoint(self.run, trainer, elapsed_s)
        text = f"rtrave train: {trainer.step} steps, {elapsed_s / 60:.1f} minutes, held-out distance {distance:.3f}"
        finish(model, self.latent_clips, self.run / f"{self.settings.name}.safetensors", text)
        sounds = self._example(trainer.step, made)
        record = {"step": trainer.step, "minutes": elapsed_s / 60, "phase": trainer.phase, "held_out": distance}
        record |= {name: round(value, 6) for name, value in losses.items()}
        kept = [line for line in self._curve() if json.loads(line)["step"] < trainer.step]
        write_whole(self.run / CURVE, ("\n".join([*kept, json.dumps(record)]) + "\n").encode())
        if self.board:
            write_board(self.run, record, sounds, self.settings.sample_rate)
        return distance

    def _curve(self) -> list[str]:
        path = self.run / CURVE
        return path.read_text(encoding="utf-8").splitlines() if path.is_file() else []

    def _example(self, step: int, made: np.ndarray) -> dict[str, np.ndarray]:
        """Write the first clips one after another, as they are and as they were made; their first channels."""
        folder = self.run / EXAMPLES
        folder.mkdir(exist_ok=True)
        peaks = np.abs(self.clips).max(axis=(1, 2), keepdims=True).clip(min=1e-6)
        sounds = [
            np.concatenate(list(clips[:EXAMPLE_CLIPS]), axis=1).clip(-1, 1)
            for clips in (self.clips * PEAK / peaks, made)
        ]
        for name, sound in zip(("original", f"step-{step:07}"), sounds, strict=True):
            with SoundWriter(folder / f"{name}.flac", self.settings.sample_rate, len(sound)) as writer:
                writer.write(sound)
        return {"original": sounds[0][0], "made": sounds[1][0]}


def train(
    run: Path,
    settings: Settings,
    model: Model,
    corpus: Corpus,
    told: Callable[[Report], None],
    device: str = "cpu",
    board: bool = False,
) -> Path:
    """Train until the steps or the minutes are reached, from the newest checkpoint of the run if it has one.

    With `board` every report is written for TensorBoard, too.

    Returns
    -------
    Path
        The native file of the model.

    Raises
    ------
    RtraveError
        A loss is no number, a file cannot be written, or the checkpoint belongs to something else.
    KeyboardInterrupt
        After a last report.
    """
    trainer = Trainer(model, settings.recipe, corpus, settings.seed, device)
    elapsed_s = _load_checkpoint(run, trainer)
    reporter = _Reporter(run, settings, corpus, model.network.ratio, board)
    losses: dict[str, float] = {}
    last = reported = time.monotonic()

    def progress() -> float:
        if settings.steps:
            return trainer.step / settings.steps
        return elapsed_s / (60 * settings.minutes)

    try:
        while progress() < 1:
            losses = trainer.advance(progress())
            now = time.monotonic()
            elapsed_s, last = elapsed_s + min(now - last, LONGEST_STEP_S), now
            held_out = None
            if now - reported >= settings.report_s and progress() < 1:
                held_out = reporter.report(trainer, elapsed_s, losses)
                last = reported = time.monotonic()  # reports are not training
            told(Report(trainer.step, min(progress(), 1), losses, held_out))
    except KeyboardInterrupt:
        reporter.report(trainer, elapsed_s, losses)
        raise
    path = run / f"{settings.name}.safetensors"
    if losses or not path.is_file():  # a run that had ended before has reported, too
        told(Report(trainer.step, 1.0, losses, reporter.report(trainer, elapsed_s, losses)))
    return path


def extended(settings: Settings, steps: int, minutes: float, report_s: float) -> Settings:
    """The settings with another end and other reports, where they are given (not 0)."""
    ended = replace(settings, steps=steps, minutes=minutes) if steps or minutes else settings
    return replace(ended, report_s=report_s or settings.report_s)
