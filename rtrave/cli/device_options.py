"""Options of the sound device, and the options of the audio process that follow from them."""

from __future__ import annotations

import argparse
from pathlib import Path

from rtrave.cli.options import positive, sums
from rtrave.errors import RtraveError
from rtrave.ipc.options import BufferingMode, ChannelMap, HostSetting, LatencyRequest, LatePolicy, RunOptions, SoundCard


def add_device_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that choose the device, its channels and the buffering."""
    device = parser.add_argument_group(
        "device", "'rtrave devices' lists the devices. Without these options rtrave takes the default one."
    )
    device.add_argument(
        "--device",
        metavar="D",
        help="device for input and output: a number, a part of the name, 'name, host API', or null",
    )
    device.add_argument("--input", metavar="D", help="input device, where it differs from the output device")
    device.add_argument("--output", metavar="D", help="output device, where it differs from the input device")
    device.add_argument(
        "--input-channels",
        type=sums,
        metavar="L",
        help="inputs to play from, from 1: one per model channel, e.g. 1,2; 1+2 is the mono sum of two",
    )
    device.add_argument(
        "--output-channels",
        type=channels,
        metavar="L",
        help="outputs to play to, from 1, e.g. 3,4; a mono model plays to all of them",
    )
    device.add_argument(
        "--input-file",
        type=Path,
        metavar="F",
        help="play this sound file into the model, over and over, through the null device",
    )
    _add_buffering_options(device)


def _add_buffering_options(device: argparse._ArgumentGroup) -> None:
    """Add the options of buffering and latency to the group of the device."""
    device.add_argument(
        "--buffering",
        choices=[mode.value for mode in BufferingMode],
        default=BufferingMode.AUTO.value,
        help="run the model in the device's callback (direct) or in a thread beside it (low-latency); see "
        "docs/latency.md (default: %(default)s)",
    )
    device.add_argument(
        "--margin",
        type=float,
        metavar="MS",
        help="low-latency: milliseconds between a full hop and its output (default: measured at the start)",
    )
    device.add_argument(
        "--late",
        choices=[policy.value for policy in LatePolicy],
        default=LatePolicy.HOLD.value,
        help="replacement for a late hop: the last sound, the input, or nothing (default: %(default)s)",
    )
    device.add_argument(
        "--latency",
        type=latency,
        default="low",
        metavar="L",
        help="latency to request from the device: low, high, or milliseconds (default: %(default)s)",
    )
    device.add_argument(
        "--host-setting",
        type=host_setting,
        action="append",
        default=[],
        metavar="NAME=VALUE",
        dest="host_settings",
        help="setting of the host API: exclusive=true (WASAPI), channel_selectors=2,3 (ASIO), "
        "change_device_parameters=true (Core Audio); may be repeated",
    )
    device.add_argument("--block-size", type=positive, metavar="N", help="samples per callback; rarely useful")


def channels(text: str) -> list[int]:
    """Parse a list of channels for argparse; the text counts from 1, the result from 0."""
    return [positive(part) - 1 for part in text.split(",")]


def latency(text: str) -> LatencyRequest:
    """Parse "low", "high" or milliseconds for argparse; a number is returned in seconds."""
    if text == "low":
        return "low"
    if text == "high":
        return "high"
    try:
        value = float(text) / 1000
    except ValueError:
        value = -1.0
    if not 0 <= value <= 2:
        raise argparse.ArgumentTypeError(f"expected low, high or milliseconds from 0 to 2000, got {text!r}")
    return value


def host_setting(text: str) -> tuple[str, HostSetting]:
    """Parse NAME=VALUE for argparse; VALUE is a switch (true, false), a whole number, a list of them, or a word."""
    name, equals, value = text.partition("=")
    if not (equals and name.isidentifier() and value):
        raise argparse.ArgumentTypeError(f"expected NAME=VALUE, got {text!r}")
    if value in ("true", "false"):
        return name, value == "true"
    parts = value.split(",")
    if all(part.isascii() and part.isdigit() for part in parts):
        return name, tuple(map(int, parts)) if len(parts) > 1 or name.startswith("channel") else int(value)
    return name, value


def chosen_device(arguments: argparse.Namespace) -> SoundCard | None:
    """Return the device of the run, None for the null device; RtraveError for options that exclude each other."""
    if arguments.device is not None and (arguments.input is not None or arguments.output is not None):
        raise RtraveError("--device: expected no --input and no --output beside it, got both: give one or the other")
    if arguments.device == "null" or (arguments.input_file and arguments.device is None):
        return None
    if arguments.input_file:
        raise RtraveError(
            f"--input-file: expected no --device or --device null, got --device {arguments.device!r}: leave one out"
        )
    names = (arguments.input or arguments.device, arguments.output or arguments.device)
    source, sink = (int(name) if name and name.isdigit() else name for name in names)
    return SoundCard(source, sink)


def output_map(listed: list[int] | None, model_channels: int) -> ChannelMap | None:
    """Return the outputs of each model channel: all of `listed` for a mono model, else one for each.

    RtraveError where the numbers of channels differ.
    """
    if listed is None:
        return None
    if model_channels == 1:
        return (tuple(listed),)
    if len(listed) != model_channels:
        raise RtraveError(
            f"--output-channels: expected {model_channels} channels, got {len(listed)}: list one per model channel"
        )
    return tuple((channel,) for channel in listed)


def channel_map(listed: list[list[int]] | None) -> ChannelMap | None:
    """Return the channels as options of a run hold them."""
    return None if listed is None else tuple(tuple(several) for several in listed)


def run_options(
    arguments: argparse.Namespace, model_channels: int, seed: int, second_input: list[list[int]] | None = None
) -> RunOptions:
    """Return the options of the audio process, from those of `add_model_options` and `add_device_options`."""
    return RunOptions(
        device=chosen_device(arguments),
        seed=seed,
        threads=arguments.threads,
        buffering=BufferingMode(arguments.buffering),
        block_size=arguments.block_size,
        latency=arguments.latency,
        host_settings=dict(arguments.host_settings),
        margin_ms=arguments.margin,
        late=LatePolicy(arguments.late),
        input_channels=channel_map(arguments.input_channels),
        output_channels=output_map(arguments.output_channels, model_channels),
        second_input=channel_map(second_input),
    )
