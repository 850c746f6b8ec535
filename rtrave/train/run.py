"""A training run, from its start or its newest checkpoint to its end, with a report now and then."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from rtrave.model.rave import Model
from rtrave.sound_file import SoundWriter
from rtrave.train.batches import batches
from rtrave.train.board import write_board
from rtrave.train.corpus import Corpus
from rtrave.train.finish import finish
from rtrave.train.run_folder import CURVE, EXAMPLES, Settings, load_checkpoint, save_checkpoint, write_whole
from rtrave.train.spectral import spectral_distance
from rtrave.train.trainer import Trainer

HELD_OUT_CLIPS, HELD_OUT_FRAMES = 16, 32  # latent frames of the ratio 2048, or as many samples
LATENT_CLIPS = 64  # of training sound, for the PCA
EXAMPLE_CLIPS = 6
PEAK = 0.8
LONGEST_STEP_S = 10.0  # a step that took longer was suspended meanwhile: that is no training
REFERENCE_RATIO = 2048


@dataclass(frozen=True)
class Report:
    """How far a run is: `progress` 0 to 1, the losses of the last step, and at times the distance on held-out sound."""

    step: int
    progress: float
    losses: dict[str, float]
    held_out: float | None = None


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
        save_checkpoint(self.run, trainer, elapsed_s)
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
    trainer = Trainer(model, settings.recipe, settings.seed, device)
    elapsed_s = load_checkpoint(run, trainer)
    reporter = _Reporter(run, settings, corpus, model.network.ratio, board)
    workers = 0 if trainer.device.type == "cpu" else max(torch.get_num_threads() - 1, 1)
    feed = batches(run, settings.recipe, settings.seed, trainer.step, workers)
    losses: dict[str, float] = {}
    last = reported = time.monotonic()

    def progress() -> float:
        if settings.steps:
            return trainer.step / settings.steps
        return elapsed_s / (60 * settings.minutes)

    try:
        while progress() < 1:
            losses = trainer.advance(next(feed), progress())
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
