"""The soundcheck: what is looked at before a show, a verdict for each."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rtrave.audio.priority import missing
from rtrave.player.feedback_watch import built_in_loop
from rtrave.player.monitor import Monitor, Spread

GOOD, DOUBTFUL, BAD = "ok", "look", "FAIL"
QUIET_DB, LOUD_DB = -60.0, -3.0
LEAST_HOURS = 2.0
PROBE_BYTES = 32 << 20
FAST_ENOUGH = 10.0  # times what a take needs
TIGHT = 0.8  # of the time there is


@dataclass(frozen=True)
class Verdict:
    """One line of the soundcheck: `ok`, `look` (it may bear a look) or `FAIL`."""

    what: str
    result: str
    text: str


def ports(bind: str, port: int) -> Verdict:
    """Whether OSC can listen (UDP), and a page beside it (TCP). Before the run, which takes them."""
    for kind, name in ((socket.SOCK_DGRAM, "UDP"), (socket.SOCK_STREAM, "TCP")):
        with socket.socket(socket.AF_INET, kind) as probe:
            try:
                probe.bind((bind, port))
            except OSError as error:
                return Verdict("ports", BAD, f"{name} port {port}: {error.strerror}: another run, or --osc-port")
    return Verdict("ports", GOOD, f"UDP and TCP port {port} are free on {bind}")


def disk(folder: Path, sample_rate: int, channels: int) -> Verdict:
    """RunMemory and speed where takes go, against what a take needs (two float32 signals)."""
    there = next(parent for parent in (folder, *folder.absolute().parents) if parent.is_dir())
    needed = 2 * channels * 4 * sample_rate
    try:
        with tempfile.NamedTemporaryFile(dir=there, prefix=".rtrave-check-") as file:
            began_s = time.monotonic()
            file.write(os.urandom(1 << 20) * (PROBE_BYTES >> 20))
            file.flush()
            os.fsync(file.fileno())
            speed = PROBE_BYTES / (time.monotonic() - began_s)
    except OSError as error:
        return Verdict("disk", BAD, f"cannot write in {there}: {error.strerror}")
    hours = shutil.disk_usage(there).free / needed / 3600
    text = f"{hours:.0f} hours of takes fit in {there}, written at {speed / 1e6:.0f} MB/s of {needed / 1e6:.2f} needed"
    slow = speed < FAST_ENOUGH * needed
    return Verdict("disk", BAD if slow else DOUBTFUL if hours < LEAST_HOURS else GOOD, text)


def device(told: Mapping[str, Any]) -> Verdict:
    """How the device was opened."""
    names = told["input"] if told["input"] == told["output"] else f"{told['input']} -> {told['output']}"
    rate, block = told["device_rate"], told["block"] or "changing"
    text = f"{names} ({told['host_api']}) at {rate} Hz, block {block}, {told['buffering']}"
    if told["host_api"] == "null":
        return Verdict("device", DOUBTFUL, f"{text}: no sound card, nothing is heard")
    if told["resampler_s"]:
        return Verdict("device", DOUBTFUL, f"{text}: resampled for the model's {told['sample_rate']} Hz")
    return Verdict("device", GOOD, text)


def level(highest_db: float) -> Verdict:
    """The highest input peak of the check."""
    text = f"the input's highest peak was {highest_db:.1f} dBFS"
    if highest_db < QUIET_DB:
        return Verdict("level", DOUBTFUL, f"{text}: no signal? --input-channels chooses others")
    if highest_db > LOUD_DB:
        return Verdict("level", DOUBTFUL, f"{text}: turn it down, -12 is a good peak")
    return Verdict("level", GOOD, text)


def feedback(told: dict[str, Any], howled: str) -> Verdict:
    """A microphone that hears the loudspeaker, by name or by level."""
    found = howled or built_in_loop(told)
    return Verdict("feedback", DOUBTFUL, found) if found else Verdict("feedback", GOOD, "no sign of it")


def margin(told: Mapping[str, Any], compute: Spread, wake: Spread, first_ms: float) -> Verdict:
    """The slowest hops and wake-ups against the time there is for them."""
    granted_ms = 1000 * told["granted_s"]
    worst_ms = compute.p999 + wake.p999
    share = worst_ms / granted_ms
    text = (
        f"slowest hops {compute.p999:.1f} ms, median {compute.median:.1f}, the first {first_ms:.1f}; wake-up "
        f"{wake.p999:.1f}; of {granted_ms:.1f} ms ({100 * share:.0f} %)"
    )
    return Verdict("margin", BAD if share >= 1 else DOUBTFUL if share > TIGHT else GOOD, text)


def on_time(counts: Mapping[str, float], seconds: float) -> Verdict:
    """Late hops, stalls and errors of the check."""
    late = counts["late_hops"] + counts["starved_hops"] + counts["skipped_hops"]
    stalls = counts["stalls"] + counts["host_flags"]
    errors = counts["engine_errors"] + counts["callback_errors"] + counts["nonfinite_out"]
    text = f"in {seconds:.0f} s: late {late:.0f}, stalls {stalls:.0f}, errors {errors:.0f} of {counts['hops']:.0f} hops"
    return Verdict("on time", BAD if late or stalls or errors or not counts["hops"] else GOOD, text)


def system(told: dict[str, Any]) -> Verdict:
    """What the system grants."""
    lacks = missing(told)
    if lacks:
        return Verdict("system", DOUBTFUL, f"no {' and no '.join(lacks)}: see docs/latency.md")
    return Verdict("system", GOOD, "real-time scheduling and locked memory")


def after_the_run(
    told: dict[str, Any], counts: Mapping[str, float], monitor: Monitor, seconds: float, highest_db: float, howled: str
) -> list[Verdict]:
    """All verdicts that a run gives."""
    return [
        device(told),
        level(highest_db),
        feedback(told, howled),
        margin(told, monitor.compute_ms(), monitor.wake_ms(), monitor.first_ms),
        on_time(counts, seconds),
        system(told),
    ]
