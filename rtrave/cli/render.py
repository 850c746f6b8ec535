"""`rtrave render IN OUT`: a file through the engine that plays live."""

from __future__ import annotations

import argparse
import os
from dataclasses import replace
from pathlib import Path

from rich.progress import Progress

from rtrave.cli.options import add_model_options, compiled, initial_instrument, routed, shape_of
from rtrave.engine import open_engine
from rtrave.errors import RtraveError
from rtrave.render import Changes, render
from rtrave.session.reader import parse_events
from rtrave.sound_file import SoundReader, SoundWriter


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add this module's command to the parser."""
    parser = commands.add_parser(
        "render",
        help="play a sound file through a model into another file",
        description="Play a sound file through a model, as a live run would. The output is as long as the input, "
        "filled up to whole hops, and late by the model's own delay: the last moments of the input are not in it.",
    )
    parser.add_argument("input", type=Path, metavar="IN", help="a sound file of any format, rate and channel count")
    parser.add_argument("output", type=Path, metavar="OUT", help="the file to write, e.g. out.wav (32-bit float)")
    add_model_options(parser)
    parser.add_argument(
        "--controls", type=Path, metavar="EVENTS", help="an events.jsonl: repeat the control changes of that take"
    )
    parser.add_argument(
        "--fast", action="store_true", help="long blocks and all cores: the same to 1e-4, several times faster"
    )
    parser.set_defaults(run=run)


def read_changes(path: Path | None) -> tuple[Changes, list[int], int]:
    """Control changes, restarts, and the latent frame at which the take began."""
    if path is None:
        return (), [], 0
    events = parse_events(path)
    changes = [(event["latent_frame"], event["set"]) for event in events if event["kind"] == "set"]
    restarts = [event["latent_frame"] for event in events if event["kind"] == "restart"]
    starts = [event["latent_frame"] for event in events if event["kind"] == "start"]
    return changes, restarts, starts[0] if starts else 0


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    if arguments.output.exists() and arguments.input.samefile(arguments.output):
        raise RtraveError(f"{arguments.output} is the input too: give another file to write")
    if not arguments.output.parent.is_dir():
        raise RtraveError(
            f"cannot write {arguments.output}: there is no folder {arguments.output.parent}: make it first"
        )
    shape = shape_of(arguments)
    if arguments.fast:
        if arguments.controls or arguments.hop:
            raise RtraveError("--fast with --controls or --hop: it takes long hops of its own, leave one of them out")
        if arguments.decoder:
            raise RtraveError("--fast with --decoder: a pair of models has no long hops, leave one of them out")
        graph = compiled(arguments.model, arguments.settings, replace(shape, long_blocks=True))
    else:
        graph = routed(arguments)
    threads = (os.cpu_count() or 1) if arguments.fast else arguments.threads
    engine = open_engine(graph, seed=arguments.seed or 0, threads=threads, offline=True)
    unit = engine.sample_unit if arguments.fast else engine.hop
    controls = initial_instrument(engine.layout, engine.spec, engine.model_hash, arguments).controls
    changes, restarts, engine.latent_frame = read_changes(arguments.controls)
    reader = SoundReader(arguments.input, engine.sample_rate, engine.channels)
    hops = reader.hops(engine.hop)
    with SoundWriter(arguments.output, engine.sample_rate, engine.channels) as writer, Progress(transient=True) as bar:
        task = bar.add_task(f"rendering {arguments.input.name}", total=reader.expected_samples)
        written = 0
        for y in render(engine, hops, controls.values, changes, restarts):
            total = -(-reader.samples // unit) * unit
            writer.write(y[:, : total - written])
            written += y.shape[1]
            bar.advance(task, engine.hop)
    return 0
