"""`rtrave bench`: time the hops of a model on this computer."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
from dataclasses import asdict, replace
from pathlib import Path

from rich.progress import Progress

from rtrave.backends.facts import BackendKind
from rtrave.backends.graph_shape import GraphShape
from rtrave.backends.opening import read_facts, read_kind
from rtrave.bench.machine import QUIET_CORES, busy_cores, read_bandwidth_gbs
from rtrave.bench.measure import TimedRun, Timing, engine_run, interleave, ratio_of, timing, verdict
from rtrave.bench.peer import Peer
from rtrave.bench.report import BenchReport, PeerTiming, Recommendation
from rtrave.cli.options import add_run_options, compiled, positive, shape_of
from rtrave.errors import RtraveError
from rtrave.settings import DEFAULT_MODEL

TRIAL_HOPS = 100  # hops that are timed of each setting that might be recommended
HOP_FACTOR = 4  # ratio of one tried hop to the one before
LONGEST_HOP = 2048
WEIGHT_BYTES = {"float32": 4, "int8": 1}


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add this module's command to the parser."""
    parser = commands.add_parser(
        "bench",
        help="time a model on this computer",
        description="Time whole hops of a model through the engine, and judge whether they finish in time. The memory "
        "floor is the time in which one core reads the weights once.",
    )
    parser.add_argument(
        "model",
        nargs="?",
        default=DEFAULT_MODEL,
        metavar="MODEL",
        help="a name that 'rtrave models' lists, or a model's file or folder (default: %(default)s)",
    )
    add_run_options(parser)
    parser.add_argument(
        "--against", type=Path, metavar="FILE.ts", help="also time a TorchScript export, interleaved with the model"
    )
    parser.add_argument("--hops", type=positive, default=1000, metavar="N", help="hops to time (default: %(default)s)")
    parser.add_argument("--force", action="store_true", help="time even if other programs keep the computer busy")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    shape = shape_of(arguments)
    graph = compiled(arguments.model, (), shape)
    if read_kind(graph) is BackendKind.TORCHSCRIPT:
        raise RtraveError(
            f"MODEL: expected a RAVE model, got the third-party TorchScript '{arguments.model}': name a model, and "
            "give the file with --against"
        )
    busy = busy_cores()
    if busy > QUIET_CORES and not arguments.force:
        raise RtraveError(
            f"expected a quiet computer, got other programs that keep {busy:.1f} cores busy and distort the times: end "
            "them, or give --force"
        )
    report = measure(arguments, graph, busy)
    report = replace(report, recommended=recommend(arguments, shape, report))
    text = json.dumps(report.to_json(), indent=1, allow_nan=False) if arguments.json else None
    print(text or "\n".join(report.lines(arguments.model)))
    return 0


def measure(arguments: argparse.Namespace, graph: Path, busy: float) -> BenchReport:
    """Time the model, interleaved with the file of --against if there is one."""
    engine, own_run = engine_run(graph, arguments.threads)
    spec = read_facts(graph).spec
    weights_bytes = spec.parameters * WEIGHT_BYTES[arguments.precision]
    bandwidth_gbs = read_bandwidth_gbs()
    hop_ms = 1e3 * engine.hop / engine.sample_rate
    with contextlib.ExitStack() as stack:
        sides: list[TimedRun] = [own_run]
        if arguments.against:
            if not arguments.against.is_file():
                raise RtraveError(f"--against: no file '{arguments.against}': give a TorchScript export")
            peer = stack.enter_context(Peer(arguments.against, engine.channels, engine.hop, arguments.threads))
            sides.append(peer.run)
        bar = stack.enter_context(Progress(transient=True))
        task = bar.add_task(f"timing {spec.name}", total=arguments.hops)
        times = interleave(sides, arguments.hops, lambda done: bar.update(task, completed=done))
    own = timing(times[0])
    against = None
    if arguments.against:
        ratio = round(ratio_of(times[0], times[1]), 4)
        against = PeerTiming(arguments.against.name, rounded(timing(times[1])), ratio)
    return BenchReport(
        name=spec.name,
        hop=engine.hop,
        hop_ms=round(hop_ms, 3),
        times=rounded(own),
        real_time_factor=round(hop_ms / own.median_ms, 2),
        threads=arguments.threads,
        precision=arguments.precision,
        weights_bytes=weights_bytes,
        read_bandwidth_gbs=round(bandwidth_gbs, 2),
        floor_ms=round(1e3 * weights_bytes / (1e9 * bandwidth_gbs), 4),
        against=against,
        verdict=verdict(own, hop_ms),
        busy_cores=round(busy, 2),
    )


def rounded(times: Timing) -> Timing:
    """Round times to a tenth of a microsecond."""
    return Timing(**{name: round(value, 4) for name, value in asdict(times).items()})


def recommend(arguments: argparse.Namespace, shape: GraphShape, report: BenchReport) -> Recommendation | None:
    """Find threads and hop that fit with margin; None if no setting does.

    The measured setting comes first, then more threads at the same hop, then longer hops.
    """
    if report.verdict == "fits with margin":
        return Recommendation(arguments.threads, report.hop)
    hop = report.hop
    while True:
        for threads in range(1, (os.cpu_count() or 1) + 1):
            graph = compiled(arguments.model, (), replace(shape, hop=hop))
            engine, run = engine_run(graph, threads)
            if verdict(timing(interleave([run], TRIAL_HOPS)[0]), 1e3 * hop / engine.sample_rate) == "fits with margin":
                return Recommendation(threads, hop)
        if hop * HOP_FACTOR > max(LONGEST_HOP, report.hop):
            return None
        hop *= HOP_FACTOR
