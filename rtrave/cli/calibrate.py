"""`rtrave calibrate`: learn from sounds how far a model's latents reach."""

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
        help="learn from sounds how far each latent reaches",
        description="Learn mean, deviation and percentiles of each latent from sounds, silence excluded. Faders from "
        "0 to 1, surfaces and the routing between two models use them.",
    )
    parser.add_argument(
        "sounds", nargs="+", type=Path, metavar="SOUND", help="a sound file of any format, rate and channel count"
    )
    parser.add_argument(
        "--model",
        default=DEFAULT_MODEL,
        metavar="M",
        help="a name that 'rtrave models' lists, or a model's file or folder (default: %(default)s)",
    )
    parser.add_argument(
        "--beside",
        action="store_true",
        help="write the result beside the model's file instead of in the user's data folder",
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
        task = bar.add_task("encoding", total=samples)
        for path in arguments.sounds:
            encoded.append(encode_sound(graph, path, without_silence=True, advance=lambda n: bar.advance(task, n)))
    z = np.concatenate(encoded, axis=1)
    seconds = z.shape[1] / spec.latent_rate_hz
    names = [path.name for path in arguments.sounds]
    calibration = learn(z, facts.latent_pca, facts.latent_mean, facts.model_hash, seconds, names)
    where = beside(find_model(arguments.model)) if arguments.beside else calibration_path(spec.name, facts.model_hash)
    save(calibration, where)
    show(calibration)
    print(f"{seconds:.0f} s of sound; written to '{where}'")
    return 0


def beside(model: Path) -> Path:
    """Return the path of a calibration beside its model; RtraveError for a `.ckpt`."""
    if model.suffix == ".ckpt":
        raise RtraveError(f"--beside: expected a model file or a run folder, got '{model}': give one of these")
    return model.parent / f"{model.stem if model.is_file() else model.name}.calibration.json"


def show(calibration: Calibration) -> None:
    """Print one line per component."""
    found = calibration.spaces["compressed"]
    print("component    mean     std      1 %     50 %     99 %")
    for n, (mean, std) in enumerate(zip(found.mean, found.std, strict=True)):
        low, _, middle, _, high = found.percentiles[:, n]
        print(f"{n:>9} {mean:>7.2f} {std:>7.2f} {low:>8.2f} {middle:>8.2f} {high:>8.2f}")
