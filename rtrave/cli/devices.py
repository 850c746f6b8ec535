"""`rtrave devices`: list the sound devices."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict

from rtrave.audio.device import list_devices, pick_default


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add this module's command to the parser."""
    parser = commands.add_parser(
        "devices",
        help="list the sound devices",
        description="List the sound devices: the number and the name that --device takes, channels, sample rate (Hz), "
        "and the input and output latency that the host reports.",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    found = list_devices()
    if arguments.json:
        print(json.dumps([asdict(device) for device in found], indent=1))
        return 0
    if not found:
        print("found no sound device: 'rtrave live' plays a recorded sound into the null device, which makes no sound")
        return 0
    for device in found:
        latency = f"{1000 * device.low_input_latency_s:5.1f} + {1000 * device.low_output_latency_s:5.1f} ms"
        size = f"{device.input_channels:3} in {device.output_channels:3} out"
        print(f"{device.index:3}  {size}  {device.default_sample_rate:6.0f} Hz  {latency}  {device.label}")
    default = pick_default()
    if default is not None:
        print(f"default: {default[0].index} in, {default[1].index} out")
    return 0
