"""`rtrave live`: play a model through the sound card."""

from __future__ import annotations

import argparse
import signal
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from rtrave.backends.facts import ModelFacts
from rtrave.backends.opening import read_facts
from rtrave.cli.device_options import add_device_options, chosen_device, run_options
from rtrave.cli.options import (
    add_model_options,
    check_streams,
    initial_instrument,
    natural,
    routed,
    second_map,
    sums,
    tell,
)
from rtrave.control.instrument import Instrument
from rtrave.control.persisted import calibration_path, state_path
from rtrave.control.vector import make_layout
from rtrave.errors import RtraveError
from rtrave.player.log import open_log
from rtrave.player.options import LiveOptions
from rtrave.player.run import LiveRun
from rtrave.settings import DEFAULT_OSC_PORT, clips_dir, sessions_dir


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add this module's command to the parser."""
    parser = commands.add_parser(
        "live",
        help="play a model through the sound card",
        description="Play a model through the sound card until Ctrl-C. Without a sound card, the null device plays a "
        "demo sound into the model: you hear nothing, but the terminal, OSC and recording work.",
    )
    add_live_options(parser)
    parser.add_argument("--record", action="store_true", help="start recording at once")
    parser.add_argument("--duration", type=float, metavar="S", help="stop after this many seconds")
    parser.add_argument(
        "--log", type=Path, metavar="FILE", help="log file to append to (default: a new one in the user's log folder)"
    )
    parser.add_argument("-v", "--verbose", action="store_true", help="write more into the log file")
    parser.set_defaults(run=run)


def add_live_options(parser: argparse.ArgumentParser) -> None:
    """Add all options of a live run."""
    add_model_options(parser)
    add_device_options(parser)
    osc = parser.add_argument_group("OSC")
    osc.add_argument(
        "--osc-port",
        type=natural,
        default=DEFAULT_OSC_PORT,
        metavar="PORT",
        help="UDP port of OSC and TCP port of OSCQuery, 0 for any free one (default: %(default)s)",
    )
    osc.add_argument(
        "--osc-bind",
        default="127.0.0.1",
        metavar="ADDR",
        help="address to listen on, 0.0.0.0 for all networks (default: %(default)s, this computer only)",
    )
    osc.add_argument(
        "--osc-allow",
        action="append",
        default=[],
        metavar="NETWORK",
        help="with --osc-bind: let another network use OSCQuery, e.g. 192.168.0.0/16; may be repeated",
    )
    osc.add_argument(
        "--osc-send",
        action="append",
        default=[],
        metavar="HOST:PORT",
        help="send controls, status and levels to this address all the time; may be repeated",
    )
    _add_source_options(parser)


def _add_source_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the second source, of what is persisted, and of the takes."""
    parser.add_argument(
        "--clips",
        type=Path,
        default=clips_dir(),
        metavar="DIR",
        help="folder of sounds that /rtrave/source/b plays by name (default: %(default)s)",
    )
    parser.add_argument(
        "--second-input",
        type=sums,
        metavar="L",
        help="inputs, from 1, that /rtrave/source/b input2 plays: one for all channels of the model, or one for each",
    )
    parser.add_argument(
        "--fresh", action="store_true", help="start with the defaults, and keep neither controls nor snapshots"
    )
    take = parser.add_argument_group("recording")
    take.add_argument(
        "--sessions-dir",
        type=Path,
        default=sessions_dir(),
        metavar="DIR",
        help="folder of the takes (default: %(default)s)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Play until the duration is over, Ctrl-C or a termination signal."""
    if arguments.duration is not None and not arguments.duration > 0:
        raise RtraveError(f"--duration: expected seconds above 0, got {arguments.duration:g}: give a positive number")
    options, model, instrument = prepared(arguments)
    with open_log(arguments.log, arguments.verbose, tell) as log:
        options = replace(options, record=arguments.record, duration_s=arguments.duration, log=log)
        with LiveRun(options, model, instrument, Console()) as live:
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, lambda *_: live.stop())
            live.start()
            live.loop()
            live.finish()
    return 0


def prepared(arguments: argparse.Namespace) -> tuple[LiveOptions, ModelFacts, Instrument]:
    """Return what a run needs, from the options of `add_live_options`; compile the model where needed."""
    chosen_device(arguments)  # refuse what contradicts before a model is compiled
    graph = routed(arguments)
    model = read_facts(graph)
    check_streams(model)
    state = None if arguments.fresh else state_path(model.spec.name, model.model_hash)
    layout = make_layout(model.spec.full_latent_size)
    instrument = initial_instrument(layout, model.spec, model.model_hash, arguments, state)
    seed = int(instrument.controls.get("/rtrave/seed")[0])
    options = LiveOptions(
        audio=run_options(arguments, model.channels, seed, second_map(arguments.second_input, model)),
        graph=graph,
        sessions_dir=arguments.sessions_dir.expanduser(),
        hop=arguments.hop,
        input_file=arguments.input_file,
        osc_port=arguments.osc_port,
        osc_bind=arguments.osc_bind,
        osc_targets=arguments.osc_send,
        osc_allow=arguments.osc_allow,
        clips_dir=arguments.clips.expanduser(),
        state=state,
        calibration=None if arguments.fresh else calibration_path(model.spec.name, model.model_hash),
    )
    return options, model, instrument
