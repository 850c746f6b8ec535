"""What a live run shows on a terminal: one screen refreshed in place, or plain lines where the output is no
terminal."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from rtrave.live.monitor import FLOOR_DB, Latency, Monitor

BAR_WIDTH = 24
LATENT_RANGE = 3.0
METER_FLOOR_DB = -60.0
PLAIN_PERIOD_S = 2.0


@dataclass
class View:
    """Everything one refresh shows.

    Attributes
    ----------
    device : dict
        As the audio process told it.
    counts : dict
        The status block.
    osc : str
        Where OSC listens.
    take : str
        Where the take goes, or why none does.
    notes : list of str
        The latest messages.
    """

    monitor: Monitor
    latency: Latency
    device: dict[str, Any]
    counts: dict[str, float]
    controls: np.ndarray
    osc: str
    take: str
    uptime_s: float
    playing: bool
    restarts: int
    notes: list[str] = field(default_factory=list)


def describe_device(device: dict[str, Any]) -> str:
    """Names, host API, block and buffering."""
    names = device["input"] if device["input"] == device["output"] else f"{device['input']} -> {device['output']}"
    host = "" if device["host_api"] == "null" else f" ({device['host_api']})"
    block = device["block"] or "changing"
    return f"{names}{host}, block {block}, {device['buffering']}: {device['reason']}"


def describe_latency(latency: Latency) -> str:
    """The sum and its terms."""
    terms = latency.terms_ms()
    parts = " + ".join(f"{name} {terms[name]:.1f}" for name in ("device", "buffering", "model"))
    return f"{latency.total_ms:.1f} ms = {parts}"


def describe_counts(view: View) -> str:
    """What went wrong so far; every count is there, also the zeros."""
    names = {
        "late_hops": "late",
        "stalls": "stalls",
        "skipped_hops": "skipped",
        "engine_errors": "engine errors",
        "nonfinite_in": "NaN in",
        "nonfinite_out": "NaN out",
        "audio_dropped": "dropped samples",
    }
    return (
        ", ".join(f"{label} {view.counts[name]:.0f}" for name, label in names.items()) + f", restarts {view.restarts}"
    )


def compute_line(monitor: Monitor) -> str:
    """Compute time per hop against the deadline."""
    median, p99 = monitor.compute_ms()
    return (
        f"median {median:.2f} ms, p99 {p99:.2f} ms of {1000 * monitor.deadline_s:.1f} ms ({100 * monitor.load:.0f} %)"
    )


def describe_model(monitor: Monitor) -> str:
    """Name, kind, rate, dimensions."""
    spec = monitor.spec
    return (
        f"{spec.name} ({spec.architecture}, {spec.sample_rate} Hz, {spec.channels} ch, "
        f"{spec.full_latent_size} latent dimensions at {spec.latent_rate_hz:.1f} Hz)"
    )


def meter(peak_db: float, rms_db: float) -> Text:
    """A level as a bar, its numbers behind it."""
    share = min(max(1 - rms_db / METER_FLOOR_DB, 0.0), 1.0)
    filled = round(share * BAR_WIDTH)
    colour = "red" if peak_db > -1 else "green"
    text = Text("█" * filled, style=colour) + Text("·" * (BAR_WIDTH - filled), style="dim")
    shown = ["  -inf" if level <= FLOOR_DB else f"{level:6.1f}" for level in (peak_db, rms_db)]
    return text + Text(f"  peak {shown[0]} dB  rms {shown[1]} dB", style="default")


def latent_bar(value: float) -> Text:
    """A latent as a bar from the middle, -3 .. 3."""
    half = BAR_WIDTH // 2
    length = min(round(abs(value) / LATENT_RANGE * half), half)
    left = "█" * length if value < 0 else ""
    right = "█" * length if value >= 0 else ""
    return Text(f"{left:>{half}}│{right:<{half}} {value:+6.2f}", style="cyan")


def screen(view: View, rows: int) -> Group:
    """One refresh of the terminal, `rows` lines high at most."""
    monitor = view.monitor
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="ellipsis", no_wrap=True)
    peak_in, rms_in, peak_out, rms_out = monitor.levels_db()
    state = "playing" if view.playing else "WAITING FOR THE AUDIO PROCESS"
    table.add_row("rtrave", f"{state}, {view.uptime_s:.0f} s")
    table.add_row("model", describe_model(monitor))
    table.add_row("device", describe_device(view.device))
    table.add_row("latency", describe_latency(view.latency))
    table.add_row("in", meter(peak_in, rms_in))
    table.add_row("out", meter(peak_out, rms_out))
    table.add_row("compute", compute_line(monitor))
    table.add_row("counts", describe_counts(view))
    table.add_row("OSC", view.osc)
    table.add_row("take", view.take)
    for note in view.notes[-3:]:
        table.add_row("note", Text(note, style="yellow"))
    space = "full" if view.controls[monitor.layout.slots["space"]][0] else "compressed"
    values = monitor.latents("out", view.controls)
    columns = 2 if len(values) > rows - table.row_count - 3 else 1
    height = max(min(-(-len(values) // columns), rows - table.row_count - 3), 1)
    latents = Table.grid(padding=(0, 2))
    for row in range(height):
        cells: list[Text | str] = []
        for column in range(columns):
            n = row + column * height
            cells += [f"z{n}", latent_bar(float(values[n]))] if n < len(values) else ["", ""]
        latents.add_row(*cells)
    hidden = len(values) - height * columns
    title = Text(f"latents ({space})" + (f", {hidden} more not shown" if hidden > 0 else ""), style="bold")
    return Group(table, title, latents)


def print_header(console: Console, view: View) -> None:
    """The facts of the run, once, for an output that is no terminal."""
    for label, text in (
        ("model", describe_model(view.monitor)),
        ("device", describe_device(view.device)),
        ("latency", describe_latency(view.latency)),
        ("OSC", view.osc),
        ("take", view.take),
    ):
        console.print(f"{label:8} {text}", markup=False, highlight=False, soft_wrap=True)


def print_line(console: Console, view: View) -> None:
    """The state of the run as one line."""
    _, rms_in, peak_out, rms_out = view.monitor.levels_db()
    console.print(
        f"{view.uptime_s:6.1f} s  in {rms_in:.1f} dB  out {rms_out:.1f} dB (peak {peak_out:.1f})  "
        f"{compute_line(view.monitor)}  {describe_counts(view)}",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )
