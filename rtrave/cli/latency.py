"""`rtrave latency`: measure the round trip and compare it with the reported latency."""

from __future__ import annotations

import argparse
import contextlib
import json
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

from rtrave.audio.device import close_portaudio
from rtrave.audio.round_trip import RoundTrip, measure_round_trip
from rtrave.audio.warm_up import measure
from rtrave.cli.device_options import add_device_options, run_options
from rtrave.cli.options import add_model_options, compiled, shape_of
from rtrave.engine.engine import open_engine
from rtrave.ipc.shared_memory import create
from rtrave.ipc.shared_spec import spec_for
from rtrave.player.latency import latency_of
from rtrave.player.null_sound import with_null_sound


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add this module's command to the parser."""
    parser = commands.add_parser(
        "latency",
        help="measure the latency and compare it with what is reported",
        description="Play short noise through everything that plays live, out of the device and back in, and measure "
        "when it returns. Connect the first output to the first input with a cable, not by loudspeaker and microphone. "
        "Mind your ears: the noise has -20 dBFS. On JACK rtrave connects the ports itself. This takes about five "
        "seconds.",
    )
    add_model_options(parser)
    add_device_options(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


@dataclass(frozen=True)
class LoopDevice:
    """Names of the device that was measured."""

    input: str
    output: str
    host_api: str


@dataclass(frozen=True)
class Comparison:
    """Reported and measured latency; `rtrave latency --json` prints the fields under their names.

    Attributes
    ----------
    terms_ms : dict
        Name of each reported term to milliseconds.
    measured_ms, difference_ms : float or None
        None where no noise came back.
    agrees : bool
        Whether the two differ by at most one block.
    loop : str
        How the output was connected to the input.
    """

    reported_ms: float
    terms_ms: dict[str, float]
    measured_ms: float | None
    difference_ms: float | None
    block_ms: float
    agrees: bool
    loop: str
    device: LoopDevice


def compared(trip: RoundTrip, terms_ms: dict[str, float]) -> Comparison:
    """Compare the measured round trip with the sum of the reported terms."""
    ports, driver = trip.device.ports, trip.device.driver
    block_ms = 1000 * (driver.block or ports.host_period or 0) / driver.device_rate
    reported_ms = sum(terms_ms.values())
    measured_ms = None if trip.measured_s is None else 1000 * trip.measured_s
    return Comparison(
        reported_ms=reported_ms,
        terms_ms=terms_ms,
        measured_ms=measured_ms,
        difference_ms=None if measured_ms is None else measured_ms - reported_ms,
        block_ms=block_ms,
        agrees=measured_ms is not None and abs(measured_ms - reported_ms) <= block_ms,
        loop=trip.loop,
        device=LoopDevice(ports.input, ports.output, ports.host_api),
    )


def run(arguments: argparse.Namespace) -> int:
    """Run the command; exit code 1 where nothing came back, or the measured latency is not the reported one."""
    engine = open_engine(
        compiled(arguments.model, arguments.settings, shape_of(arguments)),
        seed=arguments.seed or 0,
        threads=arguments.threads,
    )
    options = run_options(arguments, engine.channels, arguments.seed or 0)
    sizes = spec_for(engine.channels, engine.dims, engine.latent_frames, engine.layout.size, engine.hop)
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rtrave-")))
        shared = create(sizes)
        stack.callback(shared.unlink)
        if options.device is None:
            sound = (arguments.input_file, engine.sample_rate, engine.channels, folder)
            options = with_null_sound(options, *sound)
        trip = measure_round_trip(options, engine, shared, measure(engine))
    close_portaudio()
    found = compared(trip, latency_of(engine.spec, trip.device).terms_ms())
    print(json.dumps(asdict(found), indent=1) if arguments.json else in_words(found))
    return 0 if found.agrees else 1


def in_words(found: Comparison) -> str:
    """Return the result as lines for people."""
    terms = " + ".join(f"{name} {ms:.1f}" for name, ms in found.terms_ms.items() if ms)
    lines = [f"reported  {found.reported_ms:.1f} ms = {terms}", f"loop      {found.loop}"]
    if found.measured_ms is None:
        return "\n".join([*lines, "measured  nothing came back: connect the output to the input"])
    apart = f"{found.difference_ms:+.1f} ms, a block is {found.block_ms:.1f} ms"
    verdict = "as reported" if found.agrees else "NOT as reported: the device has buffers that it does not report"
    return "\n".join([*lines, f"measured  {found.measured_ms:.1f} ms ({apart}): {verdict}"])
