"""`rtrave evaluate`: how well a model gives back sounds that it has not learned from."""

from __future__ import annotations

import argparse
import json
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from rtrave.cli.convert import load_told
from rtrave.cli.options import positive
from rtrave.errors import RtraveError
from rtrave.sound_file import SoundWriter

if TYPE_CHECKING:
    from rtrave.train.evaluate import Clip

NUMBERS_FILE = "evaluation.json"
WIDTH = 120  # characters that the table takes at least: in less its headings would be cut
KEPT = "voiced"  # the heading of the share of voiced frames that stay so
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
        help="measure how well a model gives back sounds",
        description="Measure how well a model gives back the sounds of a folder that it has not learned from: spectral "
        "distances, pitch, loudness, latents, and whether its stream is its offline sound. docs/evaluation.md says "
        "what each number is.",
    )
    parser.add_argument("model", metavar="MODEL", help="a name that 'rtrave models' lists, or a model's file or folder")
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="with sound files, at any depth; or one file")
    parser.add_argument("--json", action="store_true", help="as JSON, with every clip")
    parser.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help=f"write {NUMBERS_FILE} there, and for each clip both sounds as FLAC and their spectrograms as a picture",
    )
    parser.add_argument(
        "--excerpt", type=positive, metavar="S", help="of each sound write the S seconds in its middle (default: all)"
    )
    parser.add_argument(
        "--backend",
        choices=("onnx", "torch"),
        default="onnx",
        help="of the stream: onnx is compiled first; torch is not (default: %(default)s)",
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

    def heard(clip: Clip, original: np.ndarray, came: np.ndarray) -> None:
        if arguments.out:
            name = f"{next(numbers):03}-{clip.group}-{Path(clip.name).stem}"
            part = middle(original.shape[1], arguments.excerpt, model.sample_rate)
            keep(arguments.out, name, original[:, part], came[:, part], model.sample_rate)

    with Progress(transient=True, console=Console(stderr=True)) as bar:
        task = bar.add_task("evaluating", total=len(paths))
        facts = evaluate(
            model, paths, lambda path: bar.update(task, advance=1, description=path.name), arguments.backend, heard
        )
    text = json.dumps(facts, indent=1, allow_nan=False)
    if arguments.out:
        try:
            (arguments.out / NUMBERS_FILE).write_text(text + "\n", encoding="utf-8")
        except OSError as error:
            raise RtraveError(f"cannot write to {arguments.out}: {error.strerror or error}") from error
    if arguments.json:
        print(text)
    else:
        show(facts)
    return 0


def prepare(folder: Path) -> None:
    """Make the folder, and refuse what would fail after all the work."""
    from rtrave.train.picture import check_matplotlib

    check_matplotlib()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RtraveError(f"cannot make the folder {folder}: {error.strerror or error}") from error


def middle(samples: int, excerpt_s: int | None, sample_rate: int) -> slice:
    """The samples in the middle that are written."""
    kept = min(samples, excerpt_s * sample_rate) if excerpt_s else samples
    return slice((samples - kept) // 2, (samples - kept) // 2 + kept)


def keep(folder: Path, name: str, original: np.ndarray, came: np.ndarray, sample_rate: int) -> None:
    """Write a clip's sounds [C, T] and its picture."""
    from rtrave.train.picture import draw

    for kind, sound in (("original", original), ("reconstruction", came)):
        with SoundWriter(folder / f"{name}-{kind}.flac", sample_rate, len(sound)) as writer:
            writer.write(sound)
    draw(original, came, sample_rate, name, folder / f"{name}.png")


def show(facts: dict[str, Any]) -> None:
    """Print the tables."""
    from rtrave.train.components import MOVES

    console = Console(width=max(Console().width, WIDTH))
    table = Table(title=facts["model"])
    table.add_column("clip")
    for title, _ in COLUMNS.values():
        table.add_column(title, justify="right")
    table.add_column(KEPT, justify="right")
    for clip in facts["clips"]:
        table.add_row(f"{clip['group']}/{clip['name']}", *cells(clip))
    table.add_section()
    for group, means in facts["groups"].items():
        table.add_row(group, *cells(means))
    table.add_section()
    table.add_row("all", *cells(facts["all"]))
    console.print(table)
    latents, stream = facts["latents"], facts["stream"]
    shares = " ".join(f"{100 * share:.1f}" for share in latents["shares"])
    moves = " ".join(f"{move:.2f}" for move in latents["moves"])
    console.print(
        f"latents: {latents['carrying']} components carry over 1 % of the variance ({shares}), "
        f"1st to 99th percentile {latents['low']:.1f} to {latents['high']:.1f}",
        f"each from -2 to +2 moves the sound by {moves}: {latents['moving']} of those that carry by over {MOVES}",
        f"each pushed up makes the sounds {', '.join(latents['words'])}",
        f"stream: within {stream['error']:.1e} of the offline sound, silence gives {stream['silence_dbfs']:.0f} dBFS, "
        f"{stream['real_time_factor']:.0f} times real time on one core",
        sep="\n",
        soft_wrap=True,
    )


def cells(record: dict[str, Any]) -> list[str]:
    """A row's numbers."""
    numbers = ["-" if record[key] is None else form.format(record[key]) for key, (_, form) in COLUMNS.items()]
    return [*numbers, f"{record['voiced_both'] / record['voiced']:.0%}" if record["voiced"] else "-"]
