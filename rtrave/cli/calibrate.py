"""`rtrave calibrate`: learn from sounds how far a model's latents go."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from rich.progress import Progress

from rtrave.backends.opening import read_facts
from rtrave.cli.options import compiled
from rtrave.control.calibration import Calibration, learn, save
from rtrave.control.persisted import calibration_path
from rtrave.errors import RtraveError
from rtrave.model.registry import find_model
from rtrave.settings import DEFAULT_MODEL
from rtrave.sound_file import SoundReader
from rtrave.streaming.sound_latents import encode_sound


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add this module's command to the parser."""
    parser = commands.add_parser(
        "calibrate",
        help="learn from sounds how far each latent goes",
        description="Learn mean, deviation and percentiles of each latent from sounds. Faders from 0 to 1, surfaces "
        "and the routing between two models use them. Silence is left out.",
    )
    parser.add_argument("sounds", nargs="+", type=Path, metavar="SOUND", help="sound files of any format")
    parser.add_argument("--model", default=DEFAULT_MODEL, metavar="M", help="the model (default: %(default)s)")
    parser.add_argument(
        "--beside",
        action="store_true",
        help="keep it beside the model's file, not in the user's data folder",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    graph = compiled(arguments.model)
    facts = read_facts(graph)
    spec = facts.spec
    samples = sum(SoundReader(path, spec.sample_rate, spec.channels).expected_samples for path in arguments.sounds)
    encoded = []
    with Progress(transient=True) as bar:
        task = bar.add_task("listening", total=samples)
        for path in arguments.sounds:
            encoded.append(encode_sound(graph, path, without_silence=True, advance=lambda n: bar.advance(task, n)))
    z = np.concatenate(encoded, axis=1)
    seconds = z.shape[1] / spec.latent_rate_hz
    names = [path.name for path in arguments.sounds]
    calibration = learn(z, facts.latent_pca, facts.latent_mean, facts.model_hash, seconds, names)
    where = beside(find_model(arguments.model)) if arguments.beside else calibration_path(spec.name, facts.model_hash)
    save(calibration, where)
    show(calibration)
    print(f"{seconds:.0f} s of sound; kept in {where}")
    return 0


def beside(model: Path) -> Path:
    """Where a calibration lies beside its model."""
    if model.suffix == ".ckpt":
        raise RtraveError(f"{model}: a calibration lies beside a file or a run folder: give one of them")
    return model.parent / f"{model.stem if model.is_file() else model.name}.calibration.json"


def show(calibration: Calibration) -> None:
    """One line for each component."""
    found = calibration.spaces["compressed"]
    print("component    mean     std      1 %     50 %     99 %")
    for n, (mean, std) in enumerate(zip(found.mean, found.std, strict=True)):
        low, _, middle, _, high = found.percentiles[:, n]
        print(f"{n:>9} {mean:>7.2f} {std:>7.2f} {low:>8.2f} {middle:>8.2f} {high:>8.2f}")
