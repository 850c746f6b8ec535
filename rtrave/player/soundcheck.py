"""The soundcheck: one verdict for each thing to look at before a show."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from rtrave.audio.priority import missing
from rtrave.ipc.device_facts import NULL, DeviceFacts
from rtrave.player.feedback_watch import built_in_loop
from rtrave.player.monitor import Monitor, Spread

QUIET_DB, LOUD_DB = -60.0, -3.0
LEAST_HOURS = 2.0
PROBE_BYTES = 32 << 20
FAST_ENOUGH = 10.0  # times the rate of a take
TIGHT = 0.8  # share of the time for a hop


class Result(StrEnum):
    """Outcome of one check."""

    GOOD = "ok"
    DOUBTFUL = "look"  # playable, but have a look
    BAD = "FAIL"


GOOD, DOUBTFUL, BAD = Result.GOOD, Result.DOUBTFUL, Result.BAD


@dataclass(frozen=True)
class Verdict:
    """One line of the soundcheck: what was checked, the result, and why in words."""

    what: str
    result: Result
    text: str


def ports(bind: str, port: int) -> Verdict:
    """Check that OSC can listen (UDP), and a page beside it (TCP). Before the run, which takes the ports."""
    for kind, name in ((socket.SOCK_DGRAM, "UDP"), (socket.SOCK_STREAM, "TCP")):
        with socket.socket(socket.AF_INET, kind) as probe:
            try:
                probe.bind((bind, port))
            except OSError as error:
                return Verdict("ports", BAD, f"{name} port {port}: {error.strerror}: another run, or --osc-port")
    return Verdict("ports", GOOD, f"UDP and TCP port {port} are free on {bind}")


def disk(folder: Path, sample_rate: int, channels: int) -> Verdict:
    """Check space and speed of the takes' folder against the needs of a take (two float32 signals)."""
    existing = next(parent for parent in (folder, *folder.absolute().parents) if parent.is_dir())
    needed = 2 * channels * 4 * sample_rate
    try:
        with tempfile.NamedTemporaryFile(dir=existing, prefix=".rtrave-check-") as file:
            began_s = time.monotonic()
            file.write(os.urandom(1 << 20) * (PROBE_BYTES >> 20))
            file.flush()
            os.fsync(file.fileno())
            speed = PROBE_BYTES / (time.monotonic() - began_s)
    except OSError as error:
        return Verdict("disk", BAD, f"cannot write in '{existing}': {error.strerror}")
    hours = shutil.disk_usage(existing).free / needed / 3600
    text = (
        f"{hours:.0f} hours of takes fit in {existing}, written at {speed / 1e6:.0f} MB/s of {needed / 1e6:.2f} needed"
    )
    slow = speed < FAST_ENOUGH * needed
    return Verdict("disk", BAD if slow else DOUBTFUL if hours < LEAST_HOURS else GOOD, text)


def device(facts: DeviceFacts) -> Verdict:
    """Check how the device was opened."""
    ports, driver = facts.ports, facts.driver
    names = ports.input if ports.input == ports.output else f"{ports.input} -> {ports.output}"
    block = driver.block or "changing"
    text = f"{names} ({ports.host_api}) at {driver.device_rate} Hz, block {block}, {driver.buffering}"
    if ports.host_api == NULL:
        return Verdict("device", DOUBTFUL, f"{text}: no sound card, nothing is heard")
    if driver.resampler_s:
        return Verdict("device", DOUBTFUL, f"{text}: resampled for the model's {facts.sample_rate} Hz")
    return Verdict("device", GOOD, text)


def level(highest_db: float) -> Verdict:
    """Check the highest input peak, in dBFS."""
    text = f"the input's highest peak was {highest_db:.1f} dBFS"
    if highest_db < QUIET_DB:
        return Verdict("level", DOUBTFUL, f"{text}: no signal? --input-channels chooses others")
    if highest_db > LOUD_DB:
        return Verdict("level", DOUBTFUL, f"{text}: turn it down, -12 is a good peak")
    return Verdict("level", GOOD, text)


def feedback(facts: DeviceFacts, warning: str) -> Verdict:
    """Check for a microphone that picks up the loudspeaker, by level (`warning`, mostly empty) or by name."""
    found = warning or built_in_loop(facts)
    return Verdict("feedback", DOUBTFUL, found) if found else Verdict("feedback", GOOD, "no sign of it")


def margin(facts: DeviceFacts, compute: Spread, wake: Spread, first_ms: float) -> Verdict:
    """Check the slowest hops and wake-ups against the time that the engine has."""
    granted_ms = 1000 * facts.driver.granted_s
    worst_ms = compute.p999 + wake.p999
    share = worst_ms / granted_ms
    text = (
        f"slowest hops {compute.p999:.1f} ms, median {compute.median:.1f}, the first {first_ms:.1f}; wake-up "
        f"{wake.p999:.1f}; of {granted_ms:.1f} ms ({100 * share:.0f} %)"
    )
    return Verdict("margin", BAD if share >= 1 else DOUBTFUL if share > TIGHT else GOOD, text)


def on_time(counts: Mapping[str, float], seconds: float) -> Verdict:
    """Check for late hops, stalls and errors."""
    late = counts["late_hops"] + counts["starved_hops"] + counts["skipped_hops"]
    stalls = counts["stalls"] + counts["host_flags"]
    errors = counts["engine_errors"] + counts["callback_errors"] + counts["nonfinite_out"]
    text = f"in {seconds:.0f} s: late {late:.0f}, stalls {stalls:.0f}, errors {errors:.0f} of {counts['hops']:.0f} hops"
    return Verdict("on time", BAD if late or stalls or errors or not counts["hops"] else GOOD, text)


def system(facts: DeviceFacts) -> Verdict:
    """Check what the system grants."""
    lacks = missing(facts.granted)
    if lacks:
        return Verdict("system", DOUBTFUL, f"no {' and no '.join(lacks)}: see docs/latency.md")
    return Verdict("system", GOOD, "real-time scheduling and locked memory")


def after_the_run(
    facts: DeviceFacts, counts: Mapping[str, float], monitor: Monitor, seconds: float, highest_db: float, warning: str
) -> list[Verdict]:
    """Return the verdicts of the soundcheck that need a finished run."""
    return [
        device(facts),
        level(highest_db),
        feedback(facts, warning),
        margin(facts, monitor.compute_ms(), monitor.wake_ms(), monitor.first_ms),
        on_time(counts, seconds),
        system(facts),
    ]
