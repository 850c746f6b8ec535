"""The screen of a live run, refreshed in place, or plain lines where the output is no terminal."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import numpy as np
from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from rtrave.ipc.device_facts import NULL, DeviceFacts
from rtrave.ipc.options import BufferingMode
from rtrave.player.faults import TRACED
from rtrave.player.latency import Latency
from rtrave.player.monitor import FLOOR_DB, Monitor
from rtrave.player.view import View

LABEL_WIDTH = 9
METER_FLOOR_DB = -60.0
METER_MAX_WIDTH = 100
LATENT_RANGE = 3.0
LATENT_ROWS_MIN = 4
CELL_MIN_WIDTH, CELL_WITH_NUMBER, CELL_MAX_WIDTH = 11, 24, 72
GAP = 2
NOTE_ROWS = 3
PLAIN_PERIOD_S = 2.0


def describe_device(device: DeviceFacts) -> str:
    """Describe a device in one line: names, host API, block, buffering, and the reason for it."""
    ports, driver = device.ports, device.driver
    if ports.host_api == NULL:
        names = f"null device, no sound out, in: {ports.input.removeprefix('null: ').removesuffix('.npy')}"
    else:
        names = ports.input if ports.input == ports.output else f"{ports.input} -> {ports.output}"
        names += f" ({ports.host_api})"
    threaded = driver.buffering is BufferingMode.LOW_LATENCY
    margin = f" with {1000 * driver.granted_s:.1f} ms for it" if threaded else ""
    return f"{names}, block {driver.block or 'changing'}, {driver.buffering}: {driver.reason}{margin}"


def describe_latency(latency: Latency, device: DeviceFacts) -> str:
    """Describe the latency in one line: the sum, its terms, and in brackets the latency that was asked for."""
    asked = device.ports.latency_asked
    request = "" if asked is None else f" ({asked if isinstance(asked, str) else f'{1000 * asked:g}'})"
    terms = {name: ms for name, ms in latency.terms_ms().items() if ms or name != "resampler"}
    parts = " + ".join(f"{name} {ms:.1f}{request if name == 'device' else ''}" for name, ms in terms.items())
    return f"{latency.total_ms:.1f} ms: {parts}"


def all_counts(view: View) -> tuple[dict[str, float], dict[str, float], dict[str, float]]:
    """Collect the counts so far, name to count: late or lost callbacks and hops, faults, rows that a take lacks."""
    n = view.counts
    late = {
        "late": n["late_hops"],
        "stalls": n["stalls"],
        "starved": n["starved_hops"],
        "skipped": n["skipped_hops"],
        "host flags": n["host_flags"],
    }
    errors = n["engine_errors"] + n["callback_errors"]
    nan_in = n["nonfinite_in"] + n["nonfinite_device"]
    faults = {"errors": errors, "NaN in": nan_in, "NaN out": n["nonfinite_out"]}
    lost = {"samples": n["audio_dropped"], "hops": n["hops_dropped"], "changes": n["controls_dropped"]}
    return late | {"restarts": view.restarts}, faults, lost


def describe_counts(view: View) -> str:
    """Describe the counts in one short line: the first ones always, the others where they are not 0."""
    late, faults, lost = all_counts(view)
    counts = late | faults | {f"lost {name}": n for name, n in lost.items()}
    shown = {name: n for name, n in counts.items() if n or name in ("late", "stalls", "restarts")}
    return ", ".join(f"{name} {n:.0f}" for name, n in shown.items())


def compute_line(monitor: Monitor) -> str:
    """Describe the compute time per hop against its deadline, and how late the engine began."""
    times, wake, deadline_ms = monitor.compute_ms(), monitor.wake_ms(), 1000 * monitor.deadline_s
    spread = f"median {times.median:.2f} ms, p99 {times.p99:.2f}, p99.9 {times.p999:.2f}"
    return f"{spread} of {deadline_ms:.1f} ms ({100 * monitor.load:.0f} %), wake-up {wake.p99:.2f}"


def describe_model(monitor: Monitor) -> str:
    """Describe a model in one line: name, kind, rate, dimensions."""
    spec = monitor.spec
    network = f"{spec.architecture}, {spec.sample_rate} Hz, {spec.channels} ch"
    return f"{spec.name} ({network}, {spec.full_latent_size} latent dimensions at {spec.latent_rate_hz:.1f} Hz)"


def banner(view: View, width: int) -> Text:
    """Draw the state that must be read from afar, as one coloured bar."""
    state = "PLAYING" if view.playing else "NO SOUND, starting again"
    take = {"recording": "REC", "not": "not recording"}.get(view.take.split()[0], "TAKE FAILED")
    late = view.counts["late_hops"] + view.counts["stalls"] + view.counts["starved_hops"]
    time, load = timedelta(seconds=int(view.uptime_s)), 100 * view.monitor.load
    text = f" {state}   {time}   {take}   late {late:.0f}   load {load:.0f} %"
    colour = "red" if not view.playing else "yellow" if late else "green"
    return Text(f"{text:{width}}", style=f"bold black on {colour}")


def meter(label: str, peak_db: float, rms_db: float, width: int) -> Text:
    """Draw a level as a bar with its peak as a mark, and its numbers behind it."""
    shown = ["  -inf" if level <= FLOOR_DB else f"{level:6.1f}" for level in (peak_db, rms_db)]
    numbers = f"  peak {shown[0]}  rms {shown[1]} dB"
    cells = min(max(width - LABEL_WIDTH - len(numbers), 0), METER_MAX_WIDTH)
    rms, peak = (round(min(max(1 - level / METER_FLOOR_DB, 0.0), 1.0) * cells) for level in (rms_db, peak_db))
    bar = list("█" * rms + "·" * (cells - rms))
    if peak > rms:
        bar[peak - 1] = "│"
    colour = "red" if peak_db > -1 else "yellow" if peak_db > -6 else "green"
    return Text.assemble((f"{label:{LABEL_WIDTH}}", "bold"), ("".join(bar), colour), numbers)


def latent_cell(n: int, value: float, label_width: int, width: int) -> Text:
    """Draw a latent as a bar from the middle, -3 .. 3, in steps of half a cell; yellow beyond that range."""
    number = f" {value:+6.2f}" if width >= CELL_WITH_NUMBER else ""
    half = max((width - label_width - len(number) - 2) // 2, 1)
    steps = round(min(LATENT_RANGE, abs(value)) / LATENT_RANGE * 2 * half)  # in this order min turns NaN into 3
    whole, rest = divmod(steps, 2)
    left = "▐" * rest + "█" * whole if value < 0 else ""
    right = "█" * whole + "▌" * rest if not value < 0 else ""
    style = "cyan" if abs(value) <= LATENT_RANGE else "yellow"
    return Text.assemble((f"{n:>{label_width}} ", "bold"), (f"{left:>{half}}│{right:<{half}}{number}", style))


def latent_lines(values: np.ndarray, rows: int, width: int) -> tuple[list[Text], int]:
    """Draw all latents in as many columns as needed, in `rows` lines; return also how many do not fit."""
    columns = min(-(-len(values) // rows), max((width + GAP) // (CELL_MIN_WIDTH + GAP), 1))
    height = min(-(-len(values) // columns), rows)
    cell = min((width + GAP) // columns - GAP, CELL_MAX_WIDTH)
    label_width = len(str(len(values) - 1))
    shown = range(min(height * columns, len(values)))
    cells = [latent_cell(n, float(values[n]), label_width, cell) for n in shown]
    return [Text(" " * GAP).join(cells[row::height]) for row in range(height)], len(values) - len(cells)


def labelled(label: str, text: str | Text, style: str = "") -> Text:
    """Make a line of the lower part."""
    return Text.assemble((f"{label:{LABEL_WIDTH}}", "bold"), text if isinstance(text, Text) else (text, style))


def count_text(counts: dict[str, float]) -> Text:
    """Draw every count, also the zeros; a count above 0 stands out."""
    return Text(", ").join(Text(f"{name} {n:.0f}", style="bold yellow" if n else "") for name, n in counts.items())


def note_lines(notes: list[str], width: int) -> list[Text]:
    """Fold the latest notes into `NOTE_ROWS` lines; a note that does not fit whole is left out."""
    lines: list[Text] = []
    for note in reversed(notes):
        folded = textwrap.wrap(note, max(width - LABEL_WIDTH, 1), max_lines=NOTE_ROWS, placeholder=" …")
        if len(lines) + len(folded) > NOTE_ROWS:
            break
        lines = [labelled("" if k else "note", part, "yellow") for k, part in enumerate(folded)] + lines
    return lines


def details(view: View, width: int) -> list[Text]:
    """Draw the lower part, for the technician."""
    monitor, columns = view.monitor, width - LABEL_WIDTH
    late, faults, lost = all_counts(view)

    def path(text: str) -> str:
        """Cut a path at its beginning: its end says more."""
        return text if len(text) <= columns else "…" + text[len(text) - columns + 1 :]

    return [
        labelled("latency", describe_latency(view.latency, view.device)),
        labelled("compute", compute_line(monitor)),
        labelled("timing", count_text(late)),
        labelled("faults", Text.assemble(count_text(faults), "; lost ", count_text(lost))),
        labelled("OSC", view.osc),
        labelled("take", path(view.take)),
        labelled("model", describe_model(monitor)),
        labelled("device", describe_device(view.device)),
        *([labelled("log", path(view.log))] if view.log else []),
    ]


def screen_lines(view: View, rows: int, width: int) -> list[Text]:
    """Draw banner, levels and latents above, details and notes below: at most `rows` lines."""
    monitor = view.monitor
    peak_in, rms_in, peak_out, rms_out = monitor.levels_db()
    above = [banner(view, width), meter("in", peak_in, rms_in, width), meter("out", peak_out, rms_out, width)]
    below = details(view, width)
    left = rows - len(above) - 1 - len(below) - NOTE_ROWS  # the rows of the notes stay free, so that nothing jumps
    bars, hidden = latent_lines(monitor.latents("out", view.controls), max(left, LATENT_ROWS_MIN), width)
    space = "full" if view.controls[monitor.layout.slots["space"]][0] else "compressed"
    title = Text(f"latents ({space}{f', {hidden} more not shown' if hidden else ''})", style="bold")
    notes = note_lines(view.notes or [str(fault) for fault in view.faults], width)
    return [*above, title, *bars, *below, *notes][:rows]


@dataclass(frozen=True)
class Screen:
    """One refresh, at most `rows` lines high, each line cut to the width it is given."""

    view: View
    rows: int

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the lines to rich."""
        for line in screen_lines(self.view, self.rows, options.max_width):
            line.no_wrap, line.overflow = True, "ellipsis"
            yield line


def screen(view: View, rows: int) -> Screen:
    """Make one refresh of the terminal, at most `rows` lines high."""
    return Screen(view, rows)


def print_header(console: Console, view: View) -> None:
    """Print the facts of the run, once, to an output that is no terminal."""
    for label, text in (
        ("model", describe_model(view.monitor)),
        ("device", describe_device(view.device)),
        ("latency", describe_latency(view.latency, view.device)),
        ("OSC", view.osc),
        ("take", view.take),
        *([("log", view.log)] if view.log else []),
    ):
        console.print(f"{label:8} {text}", markup=False, highlight=False, soft_wrap=True)


def print_line(console: Console, view: View) -> None:
    """Print the state of the run as one line."""
    _, rms_in, peak_out, rms_out = view.monitor.levels_db()
    console.print(
        f"{view.uptime_s:6.1f} s  in {rms_in:.1f} dB  out {rms_out:.1f} dB (peak {peak_out:.1f})  "
        f"{compute_line(view.monitor)}  {describe_counts(view)}",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )


def closing_lines(view: View, failure: str, folder: Path | None) -> list[str]:
    """Return what is said at the end of a run: faults, counts, why the take was cut short, the folder of the take."""
    lines = [f"  {fault}" for fault in view.faults]
    lines.append(f"played {view.counts['hops']:.0f} hops; {describe_counts(view)}")
    if failure:
        lines.append(f"the take was cut short: {failure}")
    if folder:
        lines.append(f"session {folder}")
    if view.log and any(fault.name in TRACED for fault in view.faults):
        lines.append(f"log {view.log}")
    return lines
