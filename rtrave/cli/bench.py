"""`rtrave bench`: how long a hop takes here, against the hop, the memory and a TorchScript export."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from rich.progress import Progress

from rtrave.backends.facts import BackendKind
from rtrave.backends.graph_shape import GraphShape
from rtrave.backends.opening import read_facts, read_kind
from rtrave.bench.machine import QUIET_CORES, busy_cores, read_bandwidth_gbs
from rtrave.bench.measure import Run, Timing, engine_run, ratio_of, take_turns, timing, verdict
from rtrave.bench.peer import Peer
from rtrave.cli.options import add_run_options, compiled, positive, shape_of
from rtrave.errors import RtraveError
from rtrave.settings import DEFAULT_MODEL

TRIAL_HOPS = 100  # of each setting that might be recommended
WIDER = 4  # the hops that are tried, one after another, each so many times the last
LONGEST_HOP = 2048


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add this module's command to the parser."""
    parser = commands.add_parser(
        "bench",
        help="time a model on this computer",
        description="Time whole hops of a model through the engine, and say whether they fit. The memory floor is the "
        "time in which one core reads the weights once.",
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
        "--against", type=Path, metavar="FILE.ts", help="a TorchScript export to time in turns, block by block"
    )
    parser.add_argument("--hops", type=positive, default=1000, metavar="N", help="to time (default: %(default)s)")
    parser.add_argument("--force", action="store_true", help="time although the computer is busy")
    parser.add_argument("--json", action="store_true", help="as JSON")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    shape = shape_of(arguments)
    graph = compiled(arguments.model, (), shape)
    if read_kind(graph) is BackendKind.TORCHSCRIPT:
        raise RtraveError(f"{arguments.model} is a foreign TorchScript: name a model and give it with --against")
    busy = busy_cores()
    if busy > QUIET_CORES and not arguments.force:
        raise RtraveError(f"other programs keep {busy:.1f} cores busy: times would say nothing; end them, or --force")
    facts = measure(arguments, graph) | {"busy_cores": round(busy, 2)}
    facts["recommended"] = recommended(arguments, shape, facts)
    print(json.dumps(facts, indent=1, allow_nan=False) if arguments.json else "\n".join(words(arguments.model, facts)))
    return 0


def measure(arguments: argparse.Namespace, graph: Path) -> dict[str, Any]:
    """Ours, and the peer where there is one, in turns."""
    engine, ours = engine_run(graph, arguments.threads)
    facts = read_facts(graph)
    weights = weights_bytes(facts.spec.parameters, arguments.precision)
    bandwidth_gbs = read_bandwidth_gbs()
    hop_ms = 1e3 * engine.hop / engine.sample_rate
    with contextlib.ExitStack() as stack:
        sides: list[Run] = [ours]
        if arguments.against:
            if not arguments.against.is_file():
                raise RtraveError(f"no file {arguments.against}: give a TorchScript export")
            peer = stack.enter_context(Peer(arguments.against, engine.channels, engine.hop, arguments.threads))
            sides.append(peer.run)
        bar = stack.enter_context(Progress(transient=True))
        task = bar.add_task(f"timing {facts.spec.name}", total=arguments.hops)
        times = take_turns(sides, arguments.hops, lambda done: bar.update(task, completed=done))
    own = timing(times[0])
    against = None
    if arguments.against:
        theirs = timing(times[1])
        ratio = round(ratio_of(times[0], times[1]), 4)
        against = {"name": arguments.against.name, **rounded(theirs), "ratio": ratio}
    return {
        "name": facts.spec.name,
        "hop": engine.hop,
        "hop_ms": round(hop_ms, 3),
        **rounded(own),
        "real_time_factor": round(hop_ms / own.median_ms, 2),
        "threads": arguments.threads,
        "precision": arguments.precision,
        "weights_bytes": weights,
        "read_bandwidth_gbs": round(bandwidth_gbs, 2),
        "floor_ms": round(1e3 * weights / (1e9 * bandwidth_gbs), 4),
        "against": against,
        "verdict": verdict(own, hop_ms),
    }


def weights_bytes(parameters: int, precision: str) -> int:
    """What one hop has to read at least."""
    return parameters * {"float32": 4, "int8": 1}[precision]


def rounded(times: Timing) -> dict[str, Any]:
    """A timing to a tenth of a microsecond."""
    return {name: round(value, 4) for name, value in asdict(times).items()}


def recommended(arguments: argparse.Namespace, shape: GraphShape, facts: dict[str, Any]) -> dict[str, Any] | None:
    """Threads and hop: as measured where that fits with margin, else the first that does of more threads and then
    longer hops; None where none does."""
    if facts["verdict"] == "fits with margin":
        return {"threads": arguments.threads, "hop": facts["hop"]}
    hop = facts["hop"]
    while True:
        for threads in range(1, (os.cpu_count() or 1) + 1):
            graph = compiled(arguments.model, (), replace(shape, hop=hop))
            engine, run = engine_run(graph, threads)
            if verdict(timing(take_turns([run], TRIAL_HOPS)[0]), 1e3 * hop / engine.sample_rate) == "fits with margin":
                return {"threads": threads, "hop": hop}
        if hop * WIDER > max(LONGEST_HOP, facts["hop"]):
            return None
        hop *= WIDER


def words(model: str, facts: dict[str, Any]) -> list[str]:
    """The measurements for people, a line each."""

    def line(name: str, times: dict[str, Any], rest: str) -> str:
        shown = "   ".join(f"{label} {times[key]:8.3f} ms" for label, key in TIMES)
        return f"{name:<14.14} {shown}   {rest}"

    hop, threads = facts["hop"], facts["threads"]
    told = [
        f"{facts['name']}: hop {hop} samples ({facts['hop_ms']:.2f} ms), {threads} thread{'s' * (threads > 1)}, "
        f"{facts['precision']}, {facts['hops']} hops",
        line("rtrave", facts, f"{facts['real_time_factor']:.1f} x real time"),
    ]
    if facts["against"]:
        peer = facts["against"]
        told.append(line(peer["name"], peer, f"rtrave takes {peer['ratio']:.3f} of it"))
    told.append(
        f"memory floor   {facts['floor_ms']:.3f} ms ({facts['weights_bytes'] / 1e6:.1f} MB of weights at "
        f"{facts['read_bandwidth_gbs']:.1f} GB/s): rtrave takes {facts['median_ms'] / facts['floor_ms']:.2f} of it"
    )
    told.append(f"verdict        {facts['verdict']}")
    best = facts["recommended"]
    told.append(
        f"recommended    rtrave live --model {model} --threads {best['threads']} --hop {best['hop']}"
        if best
        else "recommended    no setting here fits with margin: try --precision int8, or a smaller model"
    )
    return told


TIMES = (("median", "median_ms"), ("p99", "p99_ms"), ("p99.9", "p999_ms"))
