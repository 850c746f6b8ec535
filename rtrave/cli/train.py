"""`rtrave train`: train a model on folders of sounds."""

from __future__ import annotations

import argparse
import math
import os
from pathlib import Path
from typing import TYPE_CHECKING

from rich.progress import Progress

from rtrave.cli.options import natural, positive, tell
from rtrave.errors import RtraveError

if TYPE_CHECKING:
    from rtrave.model.rave import Model
    from rtrave.train.corpus import Corpus
    from rtrave.train.run import Report
    from rtrave.train.run_folder import Settings

DEFAULT_MINUTES = 60.0
DEFAULT_SAMPLE_RATE = 44100
DEFAULT_REPORT_S = 120.0
# Files of a run whose start was interrupted while it read the sounds; a new run may overwrite them.
INCOMPLETE_START = {"corpus.f32", "corpus.f32.part", "corpus.json", "corpus.json.part"}


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add this module's command to the parser."""
    parser = commands.add_parser(
        "train",
        help="train a model on folders of sounds",
        description="Train a model on folders of sounds of any format, rate and channel count. The last twentieth of "
        "each file is held out to evaluate the model. RUN receives checkpoints, examples, the curve and the model, "
        "which can be played at any time. --resume continues a run that was killed. See docs/training.md.",
    )
    parser.add_argument(
        "folders", nargs="*", type=Path, metavar="FOLDER", help="a folder with sound files, at any depth"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="RUN", help="folder of the run")
    parser.add_argument(
        "--config",
        metavar="C",
        help="recipe: lean (for processors), cuda (lean for graphics cards), brave (low delay), v2 (as published) or a "
        "TOML file (default: lean)",
    )
    parser.add_argument(
        "--minutes", type=minutes, metavar="M", help=f"how long to train (default: {DEFAULT_MINUTES:g})"
    )
    parser.add_argument("--steps", type=positive, metavar="N", help="how many steps to train, instead of minutes")
    parser.add_argument("--resume", action="store_true", help="continue the run in RUN")
    parser.add_argument("--from", dest="start", metavar="MODEL", help="start with the weights of a model")
    parser.add_argument("--name", metavar="NAME", help="name of the model (default: that of RUN)")
    parser.add_argument(
        "--sample-rate",
        type=positive,
        metavar="HZ",
        help=f"sample rate of the model (default: {DEFAULT_SAMPLE_RATE}, or that of --from)",
    )
    parser.add_argument("--stereo", action="store_true", help="two channels (default: one, or those of --from)")
    parser.add_argument("--seed", type=natural, metavar="N", help="seed of every random draw (default: 0)")
    parser.add_argument(
        "--report-every", type=seconds, metavar="S", help=f"seconds between reports (default: {DEFAULT_REPORT_S:g})"
    )
    parser.add_argument(
        "--tensorboard", action="store_true", help="also write every report to RUN/tensorboard, for TensorBoard"
    )
    parser.add_argument(
        "--threads", type=positive, default=os.cpu_count() or 1, metavar="N", help="cores to use (default: all)"
    )
    parser.add_argument(
        "--device", default="cpu", metavar="D", help="PyTorch device: cpu, cuda, cuda:1 ... (default: %(default)s)"
    )
    parser.set_defaults(run=run)


def minutes(text: str) -> float:
    """Parse minutes above 0, for argparse."""
    return positive_number(text, "minutes")


def seconds(text: str) -> float:
    """Parse seconds above 0, for argparse."""
    return positive_number(text, "seconds")


def positive_number(text: str, unit: str) -> float:
    """Parse a finite number above 0, for argparse."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"expected {unit} above 0, got {text!r}")
    return value


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    if arguments.steps and arguments.minutes:
        raise RtraveError("--steps, --minutes: expected one of them, got both: leave one out")
    check_run(arguments)
    import torch

    from rtrave.train.board import check_board
    from rtrave.train.run import train

    if arguments.tensorboard:
        check_board()
    check_device(arguments.device)
    torch.set_num_threads(arguments.threads)
    settings, model, corpus = resume_run(arguments) if arguments.resume else start_run(arguments)
    tell(f"{corpus.minutes:.1f} minutes of sound, {model.spec.parameters:,} weights, ratio {model.network.ratio}")
    with Progress() as bar:
        task = bar.add_task("training", total=1.0)

        def on_step(report: Report) -> None:
            losses = [f"{name} {value:.3g}" for name, value in report.losses.items() if name != "learning_rate"]
            bar.update(task, completed=report.progress, description=" ".join([f"step {report.step}", *losses]))
            if report.held_out is not None:
                bar.print(f"step {report.step}: distance on held-out sound {report.held_out:.3f}")

        path = train(arguments.out, settings, model, corpus, on_step, arguments.device, arguments.tensorboard)
    print(path)
    return 0


def check_run(arguments: argparse.Namespace) -> None:
    """Raise RtraveError, before any work, for arguments that cannot start or resume a run."""
    out: Path = arguments.out
    if out.exists() and not out.is_dir():
        raise RtraveError(f"--out: expected a folder, got the file '{out}': give a folder for the run")
    if not out.parent.is_dir():
        raise RtraveError(f"--out: no folder '{out.parent}' for '{out.name}': make it first")
    if arguments.resume:
        return
    if not arguments.folders:
        raise RtraveError("FOLDER: expected a folder of sounds, got none: give one, or --resume")
    if out.is_dir() and not {path.name for path in out.iterdir()} <= INCOMPLETE_START:
        raise RtraveError(
            f"--out: expected an empty or new folder, got '{out}', which is not empty: give another one, or --resume "
            "to continue its run"
        )


def check_device(name: str) -> None:
    """Raise RtraveError for a device that PyTorch does not have on this computer."""
    import torch

    try:
        torch.zeros(1, device=name)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise RtraveError(
            f"--device: expected a device of this computer, got {name!r} ({reason}): give cpu or cuda"
        ) from error


def start_run(arguments: argparse.Namespace) -> tuple[Settings, Model, Corpus]:
    """Create a new run, with its settings and corpus on disk."""
    from rtrave.train.corpus import gather
    from rtrave.train.initial import check_start
    from rtrave.train.recipe import DEFAULT_RECIPE, load_recipe
    from rtrave.train.run_folder import Settings, save_settings

    recipe = load_recipe(arguments.config or DEFAULT_RECIPE)
    name = arguments.name or arguments.out.resolve().name
    model = load_start(arguments.start)
    if model is not None:
        check_start(model, recipe)
        if arguments.sample_rate not in (None, model.sample_rate):
            raise RtraveError(
                f"--sample-rate: expected {model.sample_rate}, the rate of {arguments.start}, got "
                f"{arguments.sample_rate}: leave it out"
            )
    sample_rate = model.sample_rate if model else arguments.sample_rate or DEFAULT_SAMPLE_RATE
    channels = model.network.channels if model else 2 if arguments.stereo else 1
    try:
        arguments.out.mkdir(exist_ok=True)
    except OSError as error:
        raise RtraveError(f"cannot make the folder '{arguments.out}': {error.strerror or error}") from error
    with Progress(transient=True) as bar:
        task = bar.add_task("reading", total=1.0)
        corpus = gather(
            arguments.folders,
            arguments.out,
            sample_rate,
            channels,
            lambda path, share: bar.update(task, completed=share, description=f"reading {path.name}"),
        )
    settings = Settings(
        name,
        recipe,
        sample_rate,
        channels,
        arguments.seed or 0,
        arguments.steps or 0,
        0.0 if arguments.steps else arguments.minutes or DEFAULT_MINUTES,
        arguments.report_every or DEFAULT_REPORT_S,
        arguments.start or "",
        tuple(str(folder) for folder in arguments.folders),
    )
    save_settings(arguments.out, settings)
    return settings, initial_model(settings, model), corpus


def resume_run(arguments: argparse.Namespace) -> tuple[Settings, Model, Corpus]:
    """Open the run in the folder, and change its length if the arguments give one.

    Other options may be given as at the start of the run, but not with other values.
    """
    from rtrave.train.corpus import open_corpus
    from rtrave.train.recipe import load_recipe
    from rtrave.train.run_folder import extended, load_settings, save_settings

    settings = load_settings(arguments.out)
    given = {
        "FOLDER": (tuple(map(str, arguments.folders)) or None, settings.sources),
        "--config": (load_recipe(arguments.config) if arguments.config else None, settings.recipe),
        "--from": (arguments.start, settings.start),
        "--name": (arguments.name, settings.name),
        "--sample-rate": (arguments.sample_rate, settings.sample_rate),
        "--stereo": (2 if arguments.stereo else None, settings.channels),
        "--seed": (arguments.seed, settings.seed),
    }
    for option, (requested, stored) in given.items():
        if requested not in (None, stored):
            raise RtraveError(
                f"{option}: expected the value that the run in '{arguments.out}' began with, got another: leave it out"
            )
    settings = extended(settings, arguments.steps or 0, arguments.minutes or 0.0, arguments.report_every or 0.0)
    save_settings(arguments.out, settings)
    return settings, initial_model(settings, load_start(settings.start)), open_corpus(arguments.out)


def load_start(name: str | None) -> Model | None:
    """Load the model of --from; None without one."""
    from rtrave.cli.convert import load_told

    return load_told(name) if name else None


def initial_model(settings: Settings, start: Model | None) -> Model:
    """Return the model to train: that of --from under the run's name, or a new one."""
    from rtrave.train.initial import new_model

    if start is None:
        return new_model(settings.recipe, settings.name, settings.sample_rate, settings.channels, settings.seed)
    start.name = settings.name
    return start
