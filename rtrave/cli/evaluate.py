"""`rtrave evaluate`: measure how well a model reconstructs sound that it was not trained on."""

from __future__ import annotations

import argparse
import json
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from rtrave.cli.convert import load_told
from rtrave.cli.options import positive
from rtrave.errors import RtraveError
from rtrave.sound_file import SoundWriter

if TYPE_CHECKING:
    from rtrave.train.clip_scores import Clip, Summary
    from rtrave.train.evaluate import Evaluation

NUMBERS_FILE = "evaluation.json"
LEAST_WIDTH = 120  # characters: a narrower table would cut its headings
VOICED = "voiced"  # heading of the share of the original's voiced frames that are voiced in both sounds
COLUMNS = {
    "distance": ("distance", "{:.3f}"),
    "lsd_db": ("LSD dB", "{:.1f}"),
    "f0_median_cents": ("f0 cents", "{:.0f}"),
    "f0_within_50": ("within 50", "{:.0%}"),
    "loudness_error_db": ("loudness dB", "{:.1f}"),
    "attack_error_db": ("attacks dB", "{:+.1f}"),
    "treble_error_db": ("treble dB", "{:+.1f}"),
}


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add this module's command to the parser."""
    parser = commands.add_parser(
        "evaluate",
        help="measure how well a model reconstructs sounds",
        description="Measure how well a model reconstructs the sounds of a folder that it was not trained on: spectral "
        "distances, pitch, loudness, latents, and how far its stream deviates from its offline sound. "
        "docs/evaluation.md defines each number.",
    )
    parser.add_argument("model", metavar="MODEL", help="a name that 'rtrave models' lists, or a model's file or folder")
    parser.add_argument(
        "folder", type=Path, metavar="FOLDER", help="a folder with sound files, at any depth, or one sound file"
    )
    parser.add_argument("--json", action="store_true", help="print JSON, with the numbers of every clip")
    parser.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help=f"write {NUMBERS_FILE} to DIR, and for each clip both sounds as FLAC and both spectrograms as a picture",
    )
    parser.add_argument(
        "--excerpt", type=positive, metavar="S", help="write the S seconds in the middle of each sound (default: all)"
    )
    parser.add_argument(
        "--backend",
        choices=("onnx", "torch"),
        default="onnx",
        help="backend of the stream: onnx needs a compilation first, torch does not (default: %(default)s)",
    )
    parser.add_argument("--threads", type=positive, metavar="N", help="cores for the offline part (default: all)")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    from rtrave.train.evaluate import clips_in, evaluate

    paths = clips_in(arguments.folder)
    if arguments.out:
        prepare(arguments.out)
    model = load_told(arguments.model)
    if arguments.threads:
        import torch

        torch.set_num_threads(arguments.threads)
    numbers = count(1)

    def on_clip(clip: Clip, original: np.ndarray, reconstruction: np.ndarray) -> None:
        if arguments.out:
            name = f"{next(numbers):03}-{clip.group}-{Path(clip.name).stem}"
            part = middle(original.shape[1], arguments.excerpt, model.sample_rate)
            write_clip(arguments.out, name, original[:, part], reconstruction[:, part], model.sample_rate)

    with Progress(transient=True, console=Console(stderr=True)) as bar:
        task = bar.add_task("evaluating", total=len(paths))
        found = evaluate(
            model, paths, lambda path: bar.update(task, advance=1, description=path.name), arguments.backend, on_clip
        )
    text = json.dumps(found.to_json(), indent=1, allow_nan=False)
    if arguments.out:
        try:
            (arguments.out / NUMBERS_FILE).write_text(text + "\n", encoding="utf-8")
        except OSError as error:
            raise RtraveError(f"cannot write to '{arguments.out}': {error.strerror or error}") from error
    if arguments.json:
        print(text)
    else:
        show(found)
    return 0


def prepare(folder: Path) -> None:
    """Make the folder; raise RtraveError before the evaluation for what would fail after it."""
    from rtrave.train.picture import check_matplotlib

    check_matplotlib()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RtraveError(f"cannot make the folder '{folder}': {error.strerror or error}") from error


def middle(samples: int, excerpt_s: int | None, sample_rate: int) -> slice:
    """Return the slice of the middle `excerpt_s` seconds of a sound; the whole sound for None."""
    length = min(samples, excerpt_s * sample_rate) if excerpt_s else samples
    return slice((samples - length) // 2, (samples - length) // 2 + length)


def write_clip(folder: Path, name: str, original: np.ndarray, reconstruction: np.ndarray, sample_rate: int) -> None:
    """Write a clip's sounds [C, T] and its picture."""
    from rtrave.train.picture import draw

    for kind, sound in (("original", original), ("reconstruction", reconstruction)):
        with SoundWriter(folder / f"{name}-{kind}.flac", sample_rate, len(sound)) as writer:
            writer.write(sound)
    draw(original, reconstruction, sample_rate, name, folder / f"{name}.png")


def show(found: Evaluation) -> None:
    """Print the table of the clips, and below it the numbers of the model."""
    from rtrave.train.components import MOVING_DISTANCE

    console = Console(width=max(Console().width, LEAST_WIDTH))
    table = Table(title=found.model)
    table.add_column("clip")
    for title, _ in COLUMNS.values():
        table.add_column(title, justify="right")
    table.add_column(VOICED, justify="right")
    for clip in found.clips:
        table.add_row(f"{clip.group}/{clip.name}", *cells(clip))
    table.add_section()
    for group, means in found.groups.items():
        table.add_row(group, *cells(means))
    table.add_section()
    table.add_row("all", *cells(found.all))
    console.print(table)
    latents, stream = found.latents, found.stream
    shares = " ".join(f"{100 * share:.1f}" for share in latents.shares)
    moves = " ".join(f"{move:.2f}" for move in latents.moves)
    console.print(
        f"latents: {latents.carrying} components have over 1 % of the variance each (shares in %: {shares}); "
        f"1st to 99th percentile {latents.low:.1f} to {latents.high:.1f}",
        f"spectral distance that each component moves the sound by, from -2 to +2: {moves}; {latents.moving} of the "
        f"{latents.carrying} move it by over {MOVING_DISTANCE}",
        f"an increase of each component makes the sound: {', '.join(latents.words)}",
        f"stream: deviates from the offline sound by {stream.error:.1e} of its peak, silence gives "
        f"{stream.silence_dbfs:.0f} dBFS, {stream.real_time_factor:.0f} times real time on one core",
        sep="\n",
        soft_wrap=True,
    )


def cells(scores: Clip | Summary) -> list[str]:
    """Format the scores of one row of the table."""
    values = {name: getattr(scores, name) for name in COLUMNS}
    numbers = ["-" if values[name] is None else form.format(values[name]) for name, (_, form) in COLUMNS.items()]
    return [*numbers, f"{scores.voiced_both / scores.voiced:.0%}" if scores.voiced else "-"]
