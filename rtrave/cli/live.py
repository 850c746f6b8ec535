"""`rtrave live`: play."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from rtrave.backends.facts import ModelFacts
from rtrave.backends.opening import read_facts
from rtrave.cli.options import (
    add_model_options,
    check_streams,
    initial_instrument,
    natural,
    positive,
    routed,
    second_map,
    sums,
)
from rtrave.control.instrument import Instrument
from rtrave.control.persisted import calibration_path, state_path
from rtrave.control.vector import make_layout
from rtrave.errors import RtraveError
from rtrave.player.options import LiveOptions
from rtrave.player.run import run_live
from rtrave.settings import DEFAULT_OSC_PORT, clips_dir, sessions_dir


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add this module's command to the parser."""
    parser = commands.add_parser(
        "live",
        help="play a model through the sound card",
        description="Play a model through the sound card, until Ctrl-C. Where there is no sound card, the null device "
        "plays a demo sound into the model: nothing is heard, but everything is shown and can be recorded.",
    )
    add_live_options(parser)
    parser.add_argument("--record", action="store_true", help="record from the start")
    parser.add_argument("--duration", type=float, metavar="S", help="stop after so many seconds")
    parser.set_defaults(run=run)


def add_live_options(parser: argparse.ArgumentParser) -> None:
    """All that a live run is made of."""
    add_model_options(parser)
    add_device_options(parser)
    osc = parser.add_argument_group("OSC")
    osc.add_argument(
        "--osc-port",
        type=natural,
        default=DEFAULT_OSC_PORT,
        metavar="PORT",
        help="UDP port for OSC and TCP port for OSCQuery, 0 for any free one (default: %(default)s)",
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
        help="with --osc-bind, let another network use OSCQuery, e.g. 192.168.0.0/16; may be repeated",
    )
    osc.add_argument(
        "--osc-send",
        action="append",
        default=[],
        metavar="HOST:PORT",
        help="send the controls, status and levels there all the time; may be repeated",
    )
    parser.add_argument(
        "--clips",
        type=Path,
        default=clips_dir(),
        metavar="DIR",
        help="sounds that /rtrave/source/b plays by name (default: %(default)s)",
    )
    parser.add_argument(
        "--second-input",
        type=sums,
        metavar="L",
        help="inputs, from 1, that /rtrave/source/b input2 plays: one for all channels of the model, or one for each",
    )
    parser.add_argument(
        "--fresh", action="store_true", help="begin with the defaults, and keep neither controls nor snapshots"
    )
    take = parser.add_argument_group("recording")
    take.add_argument(
        "--sessions-dir", type=Path, default=sessions_dir(), metavar="DIR", help="where takes go (default: %(default)s)"
    )


def add_device_options(parser: argparse.ArgumentParser) -> None:
    """Which device, which of its channels, and how."""
    device = parser.add_argument_group("device", "'rtrave devices' lists them; without these the default one is taken.")
    device.add_argument(
        "--device", metavar="D", help="for input and output: a number, a part of the name, 'name, host API', or null"
    )
    device.add_argument("--input", metavar="D", help="input device, where it is not the output's")
    device.add_argument("--output", metavar="D", help="output device, where it is not the input's")
    device.add_argument(
        "--input-channels",
        type=sums,
        metavar="L",
        help="inputs to listen to, from 1: one per model channel, e.g. 1,2; 1+2 is the mono sum of two",
    )
    device.add_argument(
        "--output-channels",
        type=channels,
        metavar="L",
        help="outputs to play to, from 1, e.g. 3,4; a mono model plays to all of them",
    )
    device.add_argument(
        "--input-file", type=Path, metavar="F", help="null device: play this sound file, over and over, into the model"
    )
    device.add_argument(
        "--buffering",
        choices=("auto", "direct", "low-latency"),
        default="auto",
        help="run the model in the device's callback (direct) or beside it; see docs/latency.md (default: %(default)s)",
    )
    device.add_argument(
        "--margin",
        type=float,
        metavar="MS",
        help="low-latency: milliseconds between a full hop and its output (default: what the model was measured to "
        "need at the start)",
    )
    device.add_argument(
        "--late",
        choices=("hold", "dry", "silence"),
        default="hold",
        help="what is heard in place of a hop that comes late: the last sound, the input, or nothing "
        "(default: %(default)s)",
    )
    device.add_argument(
        "--latency",
        type=latency,
        default="low",
        metavar="L",
        help="what is asked of the device: low, high, or milliseconds (default: %(default)s)",
    )
    device.add_argument(
        "--host-setting",
        type=host_setting,
        action="append",
        default=[],
        metavar="NAME=VALUE",
        dest="host_settings",
        help="for the host API: exclusive=true (WASAPI), channel_selectors=2,3 (ASIO), "
        "change_device_parameters=true (Core Audio); may be repeated",
    )
    device.add_argument("--block-size", type=positive, metavar="N", help="samples per callback; seldom of use")


def channels(text: str) -> list[int]:
    """A list of channels counted from 1, for argparse; from 0 inside."""
    return [positive(part) - 1 for part in text.split(",")]


def latency(text: str) -> str | float:
    """low, high, or milliseconds, for argparse; in seconds inside."""
    if text in ("low", "high"):
        return text
    try:
        value = float(text) / 1000
    except ValueError:
        value = -1.0
    if not 0 <= value <= 2:
        raise argparse.ArgumentTypeError(f"{text!r} came, expected low, high, or milliseconds from 0 to 2000")
    return value


def host_setting(text: str) -> tuple[str, object]:
    """NAME=VALUE for argparse: true and false, whole numbers and lists of them are read as such."""
    name, equals, value = text.partition("=")
    if not (equals and name.isidentifier() and value):
        raise argparse.ArgumentTypeError(f"{text!r} came, expected NAME=VALUE")
    if value in ("true", "false"):
        return name, value == "true"
    parts = value.split(",")
    if all(part.isascii() and part.isdigit() for part in parts):
        return name, [int(part) for part in parts] if len(parts) > 1 or name.startswith("channel") else int(value)
    return name, value


def chosen_device(arguments: argparse.Namespace) -> dict[str, object]:
    """What the audio process is told of the device."""
    if arguments.device is not None and (arguments.input is not None or arguments.output is not None):
        raise RtraveError("--device together with --input or --output: give one or the other")
    if arguments.device == "null" or (arguments.input_file and arguments.device is None):
        return {"null": True}
    if arguments.input_file:
        raise RtraveError(
            f"--input-file plays through the null device, not through {arguments.device!r}: leave one out"
        )
    names = (arguments.input or arguments.device, arguments.output or arguments.device)
    return dict(zip(("input", "output"), (int(n) if n and n.isdigit() else n for n in names), strict=True))


def output_map(listed: list[int] | None, model_channels: int) -> list[list[int]] | None:
    """A mono model goes to every listed channel; others go one by one."""
    if listed is None:
        return None
    if model_channels == 1:
        return [listed]
    if len(listed) != model_channels:
        raise RtraveError(
            f"--output-channels lists {len(listed)} channels, the model has {model_channels}: list as many"
        )
    return [[channel] for channel in listed]


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    if arguments.duration is not None and not arguments.duration > 0:
        raise RtraveError(f"--duration {arguments.duration}: give seconds above 0")
    options, model, instrument = prepared(arguments)
    return run_live(replace(options, record=arguments.record, duration_s=arguments.duration), model, instrument)


def prepared(arguments: argparse.Namespace) -> tuple[LiveOptions, ModelFacts, Instrument]:
    """What a run needs, from the options of `add_live_options`; the model is compiled where needed."""
    device = chosen_device(arguments)
    graph = routed(arguments)
    model = read_facts(graph)
    check_streams(model)
    state = None if arguments.fresh else state_path(model.spec.name, model.model_hash)
    layout = make_layout(model.spec.full_latent_size)
    instrument = initial_instrument(layout, model.spec, model.model_hash, arguments, state)
    options = LiveOptions(
        graph=graph,
        device=device,
        sessions_dir=arguments.sessions_dir.expanduser(),
        seed=int(instrument.controls.get("/rtrave/seed")[0]),
        threads=arguments.threads,
        hop=arguments.hop,
        buffering=arguments.buffering,
        block_size=arguments.block_size,
        latency=arguments.latency,
        host_settings=dict(arguments.host_settings),
        margin_ms=arguments.margin,
        late=arguments.late,
        input_channels=arguments.input_channels,
        output_channels=output_map(arguments.output_channels, model.channels),
        second_input=second_map(arguments.second_input, model),
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
