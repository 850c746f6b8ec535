"""A training run from its start, or from its newest checkpoint, to its end, with periodic reports."""

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

REFERENCE_RATIO = 2048
HELD_OUT_CLIPS, HELD_OUT_FRAMES = 16, 32  # clips of so many latent frames at the reference ratio
LATENT_CLIPS = 64  # clips of training sound, from which the PCA is computed
EXAMPLE_CLIPS = 6
PEAK = 0.8
LONGEST_STEP_S = 10.0  # longest time of a step that counts as training: the process was suspended for the rest


@dataclass(frozen=True)
class Report:
    """Progress of a run after a step.

    Attributes
    ----------
    step : int
        Number of completed steps.
    progress : float
        Completed share of the run, 0 to 1.
    losses : dict of float
        The latest losses by name.
    held_out : float or None
        Spectral distance on held-out sound; None if this step wrote no report.
    """

    step: int
    progress: float
    losses: dict[str, float]
    held_out: float | None = None


@torch.no_grad()
def held_out_distance(model: Model, clips: np.ndarray) -> tuple[float, np.ndarray]:
    """Reconstruct clips [clips, C, T] at a peak of 0.8.

    Returns
    -------
    float
        Mean spectral distance from the clips after the filter bank alone, which is also the target of the training.
        Silent clips do not count.
    np.ndarray
        The reconstructions, float32 [clips, C, T].
    """
    x = torch.from_numpy(clips)
    x = x * (PEAK / x.abs().amax(dim=(1, 2), keepdim=True).clamp(min=1e-6))
    output = torch.cat([model(clip[None]) for clip in x])
    expected = model.output_bank.synthesis(model.output_bank.analysis(x))
    distances = [float(spectral_distance(expected[i], output[i])) for i in range(len(x)) if clips[i].any()]
    return float(np.mean(distances)), output.numpy()


class _Reporter:
    """Evaluation of the current model on held-out sound, and the files of a run that hold the results."""

    def __init__(self, run: Path, settings: Settings, corpus: Corpus, ratio: int, board: bool) -> None:
        self.run, self.settings, self.board = run, settings, board
        samples = -(-HELD_OUT_FRAMES * REFERENCE_RATIO // ratio) * ratio
        self.clips = corpus.held_out(samples, HELD_OUT_CLIPS)
        generator = np.random.default_rng(settings.seed)
        self.latent_clips = np.stack([corpus.crop(generator, samples) for _ in range(LATENT_CLIPS)])

    def report(self, trainer: Trainer, elapsed_s: float, losses: dict[str, float]) -> float:
        """Write checkpoint, model, examples and curve; return the distance on held-out sound."""
        model = trainer.result()
        distance, output = held_out_distance(model, self.clips)
        save_checkpoint(self.run, trainer, elapsed_s)
        text = f"rtrave train: {trainer.step} steps, {elapsed_s / 60:.1f} minutes, held-out distance {distance:.3f}"
        finish(model, self.latent_clips, self.run / f"{self.settings.name}.safetensors", text)
        sounds = self._write_examples(trainer.step, output)
        scalars = {"minutes": elapsed_s / 60, "phase": trainer.phase, "held_out": distance}
        scalars |= {name: round(value, 6) for name, value in losses.items()}
        self._append_to_curve(trainer.step, scalars)
        if self.board:
            write_board(self.run, trainer.step, scalars, sounds, self.settings.sample_rate)
        return distance

    def _append_to_curve(self, step: int, scalars: dict[str, float]) -> None:
        """Add a line to the curve, and drop lines of later steps, which a resumed run repeats."""
        path = self.run / CURVE
        lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
        earlier = [line for line in lines if json.loads(line)["step"] < step]
        write_whole(path, ("\n".join([*earlier, json.dumps({"step": step, **scalars})]) + "\n").encode())

    def _write_examples(self, step: int, output: np.ndarray) -> dict[str, np.ndarray]:
        """Write the first clips in sequence, original and reconstruction; return the first channel of both."""
        folder = self.run / EXAMPLES
        folder.mkdir(exist_ok=True)
        peaks = np.abs(self.clips).max(axis=(1, 2), keepdims=True).clip(min=1e-6)
        sounds = [
            np.concatenate(list(clips[:EXAMPLE_CLIPS]), axis=1).clip(-1, 1)
            for clips in (self.clips * PEAK / peaks, output)
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
    on_step: Callable[[Report], None],
    device: str = "cpu",
    board: bool = False,
) -> Path:
    """Train until the run's steps or minutes are reached, and return the native file of the model.

    The run continues from its newest checkpoint, if it has one. `on_step` is called after each step, in this thread.
    With `board`, every report is also written for TensorBoard.

    Raises
    ------
    RtraveError
        A loss is NaN or infinite, a file cannot be written, or the checkpoint belongs to another run.
    KeyboardInterrupt
        Ctrl-C, after a last report was written.
    """
    trainer = Trainer(model, settings.recipe, settings.seed, device)
    elapsed_s = load_checkpoint(run, trainer)
    reporter = _Reporter(run, settings, corpus, model.network.ratio, board)
    workers = 0 if trainer.device.type == "cpu" else max(torch.get_num_threads() - 1, 1)
    feed = batches(run, settings.recipe, settings.seed, trainer.step, workers)
    losses: dict[str, float] = {}
    last = reported = time.monotonic()
    try:
        while (progress := _progress(settings, trainer.step, elapsed_s)) < 1:
            losses = trainer.advance(next(feed), progress)
            now = time.monotonic()
            elapsed_s, last = elapsed_s + min(now - last, LONGEST_STEP_S), now
            progress = _progress(settings, trainer.step, elapsed_s)
            held_out = None
            if now - reported >= settings.report_s and progress < 1:
                held_out = reporter.report(trainer, elapsed_s, losses)
                last = reported = time.monotonic()  # the time of a report is not training time
            on_step(Report(trainer.step, min(progress, 1), losses, held_out))
    except KeyboardInterrupt:
        reporter.report(trainer, elapsed_s, losses)
        raise
    path = run / f"{settings.name}.safetensors"
    if losses or not path.is_file():  # a run that was complete before has its last report already
        on_step(Report(trainer.step, 1.0, losses, reporter.report(trainer, elapsed_s, losses)))
    return path


def _progress(settings: Settings, step: int, elapsed_s: float) -> float:
    """Return the completed share of the run, by steps if the settings give them, else by time."""
    return step / settings.steps if settings.steps else elapsed_s / (60 * settings.minutes)
