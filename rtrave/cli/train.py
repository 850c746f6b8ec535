"""`rtrave train`: from a folder of sounds to a model."""

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
# What a run has before it has begun: reading its sounds may have been interrupted
LEFT_BY_READING = {"corpus.f32", "corpus.f32.part", "corpus.json", "corpus.json.part"}


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add this module's command to the parser."""
    parser = commands.add_parser(
        "train",
        help="make a model from a folder of sounds",
        description="Make a model from folders of sounds of any format, rate and channel count. The last twentieth of "
        "each file is held out to judge the model by. RUN gets checkpoints, examples, the curve and the model, which "
        "can be played at any time. A run that was killed goes on with --resume. See docs/training.md.",
    )
    parser.add_argument("folders", nargs="*", type=Path, metavar="FOLDER", help="with sound files, at any depth")
    parser.add_argument("--out", type=Path, required=True, metavar="RUN", help="the run's folder")
    parser.add_argument(
        "--config",
        metavar="C",
        help="lean (for processors), cuda (the same for graphics cards), brave (low latency), v2 (as published), or a "
        "TOML file (default: lean)",
    )
    parser.add_argument(
        "--minutes", type=minutes, metavar="M", help=f"how long to train (default: {DEFAULT_MINUTES:g})"
    )
    parser.add_argument("--steps", type=positive, metavar="N", help="how many steps to train, instead of minutes")
    parser.add_argument("--resume", action="store_true", help="go on with the run in RUN")
    parser.add_argument("--from", dest="start", metavar="MODEL", help="start with the weights of a model")
    parser.add_argument("--name", metavar="NAME", help="of the model (default: that of RUN)")
    parser.add_argument(
        "--sample-rate",
        type=positive,
        metavar="HZ",
        help=f"of the model (default: {DEFAULT_SAMPLE_RATE}, or that of --from)",
    )
    parser.add_argument("--stereo", action="store_true", help="two channels (default: one, or those of --from)")
    parser.add_argument("--seed", type=natural, metavar="N", help="of every draw (default: 0)")
    parser.add_argument(
        "--report-every", type=seconds, metavar="S", help=f"seconds between reports (default: {DEFAULT_REPORT_S:g})"
    )
    parser.add_argument(
        "--tensorboard", action="store_true", help="write every report to RUN/tensorboard, too, for TensorBoard"
    )
    parser.add_argument(
        "--threads", type=positive, default=os.cpu_count() or 1, metavar="N", help="cores to use (default: all)"
    )
    parser.add_argument(
        "--device", default="cpu", metavar="D", help="of PyTorch: cpu, cuda, cuda:1 ... (default: %(default)s)"
    )
    parser.set_defaults(run=run)


def minutes(text: str) -> float:
    """A time above 0, for argparse."""
    return number(text, "minutes")


def seconds(text: str) -> float:
    """A time above 0, for argparse."""
    return number(text, "seconds")


def number(text: str, unit: str) -> float:
    """A finite number above 0."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} came, expected {unit} above 0")
    return value


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    if arguments.steps and arguments.minutes:
        raise RtraveError("--steps with --minutes: give one of them")
    check_run(arguments)
    import torch

    from rtrave.train.board import check_board
    from rtrave.train.run import train

    if arguments.tensorboard:
        check_board()
    check_device(arguments.device)
    torch.set_num_threads(arguments.threads)
    settings, model, corpus = resumed(arguments) if arguments.resume else started(arguments)
    tell(f"{corpus.minutes:.1f} minutes of sound, {model.spec.parameters:,} weights, ratio {model.network.ratio}")
    with Progress() as bar:
        task = bar.add_task("training", total=1.0)

        def told(report: Report) -> None:
            words = [f"step {report.step}", *(f"{name} {value:.3g}" for name, value in shown(report.losses))]
            bar.update(task, completed=report.progress, description=" ".join(words))
            if report.held_out is not None:
                bar.print(f"step {report.step}: distance on held-out sound {report.held_out:.3f}")

        path = train(arguments.out, settings, model, corpus, told, arguments.device, arguments.tensorboard)
    print(path)
    return 0


def shown(losses: dict[str, float]) -> list[tuple[str, float]]:
    """Losses for the progress bar."""
    return [(name, value) for name, value in losses.items() if name != "learning_rate"]


def check_run(arguments: argparse.Namespace) -> None:
    """Refuse what cannot become a run before any work."""
    out: Path = arguments.out
    if out.exists() and not out.is_dir():
        raise RtraveError(f"{out} is a file: give a folder for the run")
    if not out.parent.is_dir():
        raise RtraveError(f"cannot write {out}: there is no folder {out.parent}: make it first")
    if arguments.resume:
        return
    if not arguments.folders:
        raise RtraveError("no folder of sounds: give one, or --resume")
    if out.is_dir() and not {path.name for path in out.iterdir()} <= LEFT_BY_READING:
        raise RtraveError(f"{out} is not empty: give another folder, or --resume to go on with its run")


def check_device(name: str) -> None:
    """Refuse a device that PyTorch does not have here."""
    import torch

    try:
        torch.zeros(1, device=name)
    except (RuntimeError, AssertionError) as error:
        raise RtraveError(f"no device {name!r} here ({str(error).splitlines()[0]}): give cpu, or cuda") from error


def started(arguments: argparse.Namespace) -> tuple[Settings, Model, Corpus]:
    """A new run: its settings and corpus are on disk when this returns."""
    from rtrave.train.corpus import gather
    from rtrave.train.initial import check_start
    from rtrave.train.recipe import DEFAULT_RECIPE, load_recipe
    from rtrave.train.run_folder import Settings, save_settings

    recipe = load_recipe(arguments.config or DEFAULT_RECIPE)
    name = arguments.name or arguments.out.resolve().name
    model = start_model(arguments.start)
    if model is not None:
        check_start(model, recipe)
        if arguments.sample_rate not in (None, model.sample_rate):
            raise RtraveError(f"--sample-rate {arguments.sample_rate}: {arguments.start} has {model.sample_rate}")
    sample_rate = model.sample_rate if model else arguments.sample_rate or DEFAULT_SAMPLE_RATE
    channels = model.network.channels if model else 2 if arguments.stereo else 1
    try:
        arguments.out.mkdir(exist_ok=True)
    except OSError as error:
        raise RtraveError(f"cannot make {arguments.out}: {error.strerror or error}") from error
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
    return settings, model_of(settings, model), corpus


def resumed(arguments: argparse.Namespace) -> tuple[Settings, Model, Corpus]:
    """The run in the folder, with another end where one is given; the command may be the one that began it."""
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
    for option, (asked, has) in given.items():
        if asked not in (None, has):
            raise RtraveError(f"{option} is not what the run in {arguments.out} began with: leave it out")
    settings = extended(settings, arguments.steps or 0, arguments.minutes or 0.0, arguments.report_every or 0.0)
    save_settings(arguments.out, settings)
    return settings, model_of(settings, start_model(settings.start)), open_corpus(arguments.out)


def start_model(name: str | None) -> Model | None:
    """The model of --from."""
    from rtrave.cli.convert import load_told

    return load_told(name) if name else None


def model_of(settings: Settings, start: Model | None) -> Model:
    """The model to be trained."""
    from rtrave.train.initial import new_model

    if start is None:
        return new_model(settings.recipe, settings.name, settings.sample_rate, settings.channels, settings.seed)
    start.name = settings.name
    return start
