"""`rtrave devices`: what can be played through."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict

from rtrave.audio.device import list_devices


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add this module's command to the parser."""
    parser = commands.add_parser("devices", help="list the sound devices")
    parser.add_argument("--json", action="store_true", help="as JSON")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    found = list_devices()
    if arguments.json:
        print(json.dumps([asdict(device) for device in found], indent=1))
        return 0
    if not found:
        print("no sound device was found; 'rtrave live --device null' plays without one")
    for device in found:
        print(
            f"{device.index:3}  {device.label}: {device.input_channels} in, {device.output_channels} out, "
            f"{device.default_sample_rate:.0f} Hz, latency {1000 * device.low_input_latency_s:.1f} ms in, "
            f"{1000 * device.low_output_latency_s:.1f} ms out"
        )
    return 0
