"""`rtrave render IN OUT`: play a file through the engine of a live run."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from rich.progress import Progress

from rtrave.backends.opening import read_facts
from rtrave.cli.destination import check_destination
from rtrave.cli.options import (
    add_model_options,
    check_streams,
    compiled,
    initial_instrument,
    routed,
    second_map,
    shape_of,
    sums,
)
from rtrave.engine.engine import Engine, open_engine
from rtrave.engine.render import Changes, render
from rtrave.errors import RtraveError
from rtrave.session.reader import parse_events
from rtrave.sound_file import SoundReader, SoundWriter


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add this module's command to the parser."""
    parser = commands.add_parser(
        "render",
        help="play a sound file through a model into another file",
        description="Play a sound file through a model, as a live run would. The output is as long as the input, "
        "filled up to whole hops, and delayed by the model's own delay: it lacks the last moments of the input.",
    )
    parser.add_argument("input", type=Path, metavar="IN", help="a sound file of any format, rate and channel count")
    parser.add_argument("output", type=Path, metavar="OUT", help="the file to write, e.g. out.wav (32-bit float)")
    add_model_options(parser)
    parser.add_argument(
        "--controls", type=Path, metavar="EVENTS", help="repeat the control changes of a take: its events.jsonl"
    )
    parser.add_argument(
        "--second-input",
        type=sums,
        metavar="L",
        help="channels of IN, from 1, for the second source input2: one for all channels of the model, or one for "
        "each; the first channels of IN are the model's own input",
    )
    parser.add_argument(
        "--fast",
        action="store_true",
        help="use long blocks and all cores: the same sound to 1e-4, several times faster",
    )
    parser.set_defaults(run=run)


def read_changes(path: Path | None) -> tuple[Changes, list[int], int]:
    """Return the control changes of a take, the latent frames of its restarts, and the one at which it began."""
    if path is None:
        return (), [], 0
    events = parse_events(path)
    changes = [(event["latent_frame"], event["set"]) for event in events if event["kind"] == "set"]
    restarts = [event["latent_frame"] for event in events if event["kind"] == "restart"]
    starts = [event["latent_frame"] for event in events if event["kind"] == "start"]
    return changes, restarts, starts[0] if starts else 0


def open_input(path: Path, engine: Engine, second: list[list[int]] | None) -> tuple[SoundReader, Iterator[np.ndarray]]:
    """Return a reader of a sound file and its hops, float32 [inputs, hop], the channels of the second input last.

    RtraveError where the file has too few channels.
    """
    if second is None:
        reader = SoundReader(path, engine.sample_rate, engine.channels)
        return reader, reader.hops(engine.hop)
    needed = 1 + max(channel for several in second for channel in several)
    reader = SoundReader(path, engine.sample_rate, max(needed, engine.channels))
    if reader.file_channels < needed:
        raise RtraveError(
            f"--second-input: expected channels up to {reader.file_channels} of '{path}', got {needed}: list others"
        )
    hops = (
        np.concatenate((hop[: engine.channels], [hop[several].mean(axis=0) for several in second]), dtype=np.float32)
        for hop in reader.hops(engine.hop)
    )
    return reader, hops


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    if arguments.output.exists() and arguments.input.samefile(arguments.output):
        raise RtraveError(
            f"'{arguments.output}': expected another file than the input, got the input: choose another name"
        )
    check_destination(arguments.output)
    shape = shape_of(arguments)
    if arguments.fast:
        if arguments.controls or arguments.hop:
            raise RtraveError("--fast: expected neither --controls nor --hop, got one of them: leave one of them out")
        if arguments.decoder:
            raise RtraveError("--fast: expected one model, got a pair (--decoder): leave one of them out")
        graph = compiled(arguments.model, arguments.settings, replace(shape, long_blocks=True))
    else:
        graph = routed(arguments)
    threads = (os.cpu_count() or 1) if arguments.fast else arguments.threads
    facts = read_facts(graph)
    check_streams(facts)
    second = second_map(arguments.second_input, facts)
    seed = arguments.seed or 0
    engine = open_engine(graph, seed=seed, threads=threads, offline=True, second_input=second is not None)
    unit = engine.sample_unit if arguments.fast else engine.hop
    controls = initial_instrument(engine.layout, engine.spec, engine.model_hash, arguments).controls
    changes, restarts, engine.latent_frame = read_changes(arguments.controls)
    reader, hops = open_input(arguments.input, engine, second)
    with SoundWriter(arguments.output, engine.sample_rate, engine.channels) as writer, Progress(transient=True) as bar:
        task = bar.add_task(f"rendering {arguments.input.name}", total=reader.expected_samples)
        written = 0
        for y in render(engine, hops, controls.values, changes, restarts):
            total = -(-reader.samples // unit) * unit
            writer.write(y[:, : total - written])
            written += y.shape[1]
            bar.advance(task, engine.hop)
    return 0
