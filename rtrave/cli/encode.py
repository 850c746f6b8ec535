"""`rtrave encode` and `rtrave decode`: turn a recording into latents and back, offline."""

from __future__ import annotations

import argparse
import math
import os
from itertools import chain
from pathlib import Path

import numpy as np
from rich.progress import Progress

from rtrave.cli.coder import open_coder
from rtrave.cli.destination import check_destination, check_ending
from rtrave.cli.options import natural, positive
from rtrave.errors import RtraveError
from rtrave.settings import DEFAULT_MODEL
from rtrave.sound_file import SoundReader, SoundWriter


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add this module's commands to the parser."""
    encoder = commands.add_parser(
        "encode",
        help="turn a sound file into latents",
        description="Turn a sound file into latents, offline and without delay. The result is a NumPy file (.npy), "
        "float32 [dimensions, latent frames]. Column n belongs to the samples from n * ratio on.",
    )
    encoder.add_argument("input", type=Path, metavar="IN", help="a sound file of any format, rate and channel count")
    encoder.add_argument("output", type=Path, metavar="OUT.npy", help="the file to write")
    add_options(encoder)
    encoder.add_argument(
        "--temperature",
        type=temperature,
        default=0.0,
        metavar="T",
        help="scale of the posterior's deviation: 0 gives the mean, 1 draws a sample (default: %(default)s)",
    )
    encoder.set_defaults(run=run_encode)
    decoder = commands.add_parser(
        "decode",
        help="turn latents into a sound file",
        description="Turn latents, float32 [dimensions, latent frames], into a sound file, offline and without delay.",
    )
    decoder.add_argument("input", type=Path, metavar="IN.npy", help="latents, as 'rtrave encode' writes them")
    decoder.add_argument("output", type=Path, metavar="OUT", help="the file to write, e.g. out.wav (32-bit float)")
    add_options(decoder)
    decoder.set_defaults(run=run_decode)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add --model, --space, --threads, --backend, --device and --seed."""
    parser.add_argument(
        "--model",
        default=DEFAULT_MODEL,
        metavar="M",
        help="a name that 'rtrave models' lists, or a file or folder that 'rtrave import' takes (default: %(default)s)",
    )
    parser.add_argument(
        "--space",
        choices=("full", "compressed"),
        default="full",
        help="full: the latents of the network; compressed: the form musicians know (components in order of weight, "
        "angles, or codes), of which decode also takes the first components alone (default: %(default)s)",
    )
    parser.add_argument(
        "--threads",
        type=positive,
        default=os.cpu_count() or 1,
        metavar="N",
        help="processor cores to use (default: all)",
    )
    parser.add_argument(
        "--backend",
        choices=("onnx", "torch"),
        default="onnx",
        help="onnx: graphs compiled once for this computer; torch: PyTorch on --device (default: %(default)s)",
    )
    parser.add_argument(
        "--device", default="cpu", metavar="D", help="PyTorch's device: cpu, cuda, cuda:1 ... (default: %(default)s)"
    )
    parser.add_argument("--seed", type=natural, default=0, metavar="N", help="seed of the noise (default: %(default)s)")


def temperature(text: str) -> float:
    """Parse a number from 0 up, for argparse."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value < math.inf:
        raise argparse.ArgumentTypeError(f"expected a number from 0 up, got {text!r}")
    return value


def run_encode(arguments: argparse.Namespace) -> int:
    """Run `rtrave encode`."""
    check_destination(arguments.output)
    check_ending(arguments.output, ".npy")
    coder = open_coder(arguments)
    reader = SoundReader(arguments.input, coder.spec.sample_rate, coder.spec.channels)
    x = np.ascontiguousarray(reader.read().T)
    if not np.isfinite(x).all():
        raise RtraveError(f"'{arguments.input}': expected finite samples, got NaN or infinity: repair the file first")
    encoded = []
    with Progress(transient=True) as bar:
        task = bar.add_task(f"encoding {arguments.input.name}", total=-(-x.shape[1] // coder.spec.ratio))
        for z in coder.encode(x, arguments.temperature):
            encoded.append(z)
            bar.advance(task, z.shape[1])
    save_array(arguments.output, np.concatenate(encoded, axis=1))
    return 0


def save_array(path: Path, array: np.ndarray) -> None:
    """Write an `.npy` file, which appears whole or not at all; RtraveError where that fails."""
    part = path.with_suffix(".part")
    try:
        with part.open("wb") as file:
            np.save(file, array, allow_pickle=False)
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise RtraveError(f"cannot write '{path}': {error.strerror or error}") from error


def read_latents(path: Path) -> np.ndarray:
    """Read the numbers of an `.npy` file as float32, any shape; RtraveError where there are none."""
    try:
        z = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        reason = getattr(error, "strerror", None) or str(error).splitlines()[0]
        raise RtraveError(f"cannot read '{path}': {reason}: give an .npy file that 'rtrave encode' wrote") from error
    if not isinstance(z, np.ndarray) or z.dtype.kind not in "fiu":
        raise RtraveError(
            f"'{path}': expected an array of numbers, got none: give an .npy file that 'rtrave encode' wrote"
        )
    return z.astype(np.float32)


def run_decode(arguments: argparse.Namespace) -> int:
    """Run `rtrave decode`."""
    check_destination(arguments.output)
    z = read_latents(arguments.input)
    coder = open_coder(arguments)
    spec = coder.spec
    try:
        blocks = coder.decode(z)
        first = next(blocks)  # before the file exists: latents that do not fit leave nothing behind
    except RtraveError as error:
        raise RtraveError(f"'{arguments.input}': {error}") from error
    with SoundWriter(arguments.output, spec.sample_rate, spec.channels) as writer, Progress(transient=True) as bar:
        task = bar.add_task(f"decoding {arguments.input.name}", total=z.shape[1])
        for y in chain((first,), blocks):
            writer.write(y)
            bar.advance(task, y.shape[1] // spec.ratio)
    return 0
