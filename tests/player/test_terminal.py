"""The screen of a live run holds everything that it must, and no line is longer than the terminal is wide."""

import io
from dataclasses import replace

import numpy as np
import pytest
from rich.cells import cell_len
from rich.console import Console

from rtrave.control.vector import make_layout
from rtrave.ipc.hop_record import hop_dtype
from rtrave.model.registry import find_model, read_header
from rtrave.model.spec import ModelSpec
from rtrave.player.latency import Latency
from rtrave.player.monitor import Monitor
from rtrave.player.terminal import LATENT_RANGE, describe_counts, latent_cell, print_line, screen
from rtrave.player.view import View
from tests.player.devices import CARD, card

HOP = 2048
COUNTED = [
    "late_hops",
    "starved_hops",
    "nonfinite_device",
    "stalls",
    "skipped_hops",
    "host_flags",
    "engine_errors",
    "callback_errors",
    "nonfinite_in",
    "nonfinite_out",
    "audio_dropped",
    "hops_dropped",
    "controls_dropped",
]
STRINGS = ModelSpec.from_json(read_header(find_model("strings"))["spec"])


def spec_of(dims, channels):
    return replace(STRINGS, full_latent_size=dims, channels=channels)


def view_of(dims=16, channels=1, latents=None, hops=50, compute_s=0.0018, **changed):
    layout = make_layout(dims)
    monitor = Monitor(spec_of(dims, channels), layout, np.eye(dims, dtype="f4"), np.zeros(dims, "f4"), HOP)
    latents = np.linspace(-3, 3, dims) if latents is None else np.asarray(latents, float)
    fields = {"compute_s": compute_s, "in_peak": 0.5, "in_rms": 0.1, "out_peak": 0.25, "out_rms": 0.05}
    if hops:
        records = np.zeros(hops, hop_dtype(dims, 1))
        for name, value in fields.items():
            records[name] = value
        records["z_out"] = latents[:, None]
        monitor.update(records)
    view = View(
        monitor=monitor, latency=Latency(44100, 441, 3840, 0, 66, 1965), device=CARD,
        counts=dict.fromkeys(COUNTED, 0.0),
        controls=layout.defaults(), osc="udp 127.0.0.1:9000, 12 messages, 3 refused",
        take="recording to /home/performer/rtrave-sessions/20260102-203000-solo, 125 s", uptime_s=131.4, playing=True,
        restarts=0,
    )  # fmt: skip
    return replace(view, **changed)


def shown(view, width=80, height=24):
    """What a terminal of that size gets, as lines without colours."""
    console = Console(width=width, height=height, file=io.StringIO(), force_terminal=True, color_system=None)
    console.print(screen(view, height - 1))
    lines = console.file.getvalue().split("\n")
    assert lines.pop() == ""
    return lines


def bars(lines):
    """The lines between the latents' title and the latency."""
    title = next(k for k, line in enumerate(lines) if line.startswith("latents"))
    return lines[title + 1 : next(k for k, line in enumerate(lines) if line.startswith("latency"))]


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("dims", [1, 4, 16, 64, 128])
@pytest.mark.parametrize(("width", "height"), [(80, 24), (120, 40), (200, 50), (100, 30), (61, 24)])
def test_nothing_wraps_and_nothing_scrolls(dims, channels, width, height):
    notes = ["no sound card with an input and an output was found: " + "x" * 200, "sound is back after 0.3 s"]
    lines = shown(view_of(dims, channels, notes=notes), width, height)
    assert len(lines) < height
    assert max(map(cell_len, lines)) <= width


def test_a_line_that_is_cut_says_so():
    device = card(input="音" * 60)
    for width in (60, 80):
        cut = [line for line in shown(view_of(device=device), width) if line.startswith("device")]
        assert len(cut) == 1 and cut[0].endswith("…") and width - 1 <= cell_len(cut[0]) <= width


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("dims", [4, 16, 64, 128])
def test_every_promised_item_is_on_a_small_terminal(dims, channels):
    text = "\n".join(shown(view_of(dims, channels)))
    for item in (
        "PLAYING", "0:02:11", "REC", "load 4 %", "peak   -6.0  rms  -20.0 dB", "peak  -12.0  rms  -26.0 dB",
        "latents (compressed", "143.1 ms: device 10.0 (low) + buffering 87.1 + limiter 1.5 + model 44.6",
        "median 1.80 ms, p99 1.80,",
        "p99.9 1.80 of 46.4 ms (4 %), wake-up 0.00",
        "late 0, stalls 0, starved 0, skipped 0, host flags 0, restarts 0",
        "errors 0, NaN in 0, NaN out 0",
        "lost samples 0, hops 0, changes 0", "udp 127.0.0.1:9000, 12 messages, 3 refused",
        "rtrave-sessions/20260102-203000-solo, 125 s", f"strings (v2, 44100 Hz, {channels} ch, {dims} latent",
        "Scarlett 2i2 USB: Audio (hw:1,0) (ALSA), block 256, low-latency",
    ):  # fmt: skip
        assert item in text


@pytest.mark.parametrize(("dims", "fitting"), [(1, 1), (4, 4), (16, 16), (64, 48), (128, 48)])
def test_latents_are_bars_and_the_title_counts_those_that_do_not_fit(dims, fitting):
    lines = shown(view_of(dims, latents=np.full(dims, LATENT_RANGE)))
    assert sum(line.count("│█") for line in bars(lines)) == fitting
    title = next(line for line in lines if line.startswith("latents"))
    assert (f"{dims - fitting} more not shown" in title) == (dims > fitting)
    everything = shown(view_of(dims, latents=np.full(dims, LATENT_RANGE)), 200, 50)
    assert sum(line.count("│█") for line in bars(everything)) == dims


def test_sixteen_latents_stand_in_two_columns_with_their_numbers():
    lines = bars(shown(view_of(latents=np.arange(16) / 8)))
    assert len(lines) == 8
    for n, line in enumerate(lines):
        assert line.startswith(f"{n:>2} ")
        assert line.split()[-1] == f"{(n + 8) / 8:+.2f}"


def length(value):
    """Half cells left and right of the middle."""
    left, right = latent_cell(0, value, 1, 40).plain[2:-7].split("│")
    return tuple(2 * part.count("█") + part.count("▐") + part.count("▌") for part in (left, right))


def test_a_bar_grows_with_its_latent_on_its_own_side():
    values = np.linspace(0, 2 * LATENT_RANGE, 37)
    up, down = [length(value) for value in values], [length(-value) for value in values]
    assert [left for left, _ in up] == [right for _, right in down] == [0] * 37
    assert [right for _, right in up] == [left for left, _ in down] == sorted(right for _, right in up)
    full = length(LATENT_RANGE)[1]
    assert length(LATENT_RANGE / 2)[1] == pytest.approx(full / 2, abs=1)
    assert length(10.0)[1] == length(np.inf)[1] == length(np.nan)[1] == full


def test_only_what_lies_beyond_the_scale_is_yellow():
    for value, beyond in ((LATENT_RANGE, False), (-LATENT_RANGE, False), (3.01, True), (-8.0, True), (np.nan, True)):
        assert (latent_cell(0, value, 1, 40).spans[-1].style == "yellow") == beyond


def test_lost_sound_and_a_failed_take_are_on_the_first_line():
    lines = shown(view_of(playing=False, take="cannot write output.wav: no space left on device", restarts=2))
    assert "NO SOUND" in lines[0] and "PLAYING" not in lines[0] and "TAKE FAILED" in lines[0]
    assert any("no space left" in line for line in lines) and any("restarts 2" in line for line in lines)
    assert "not recording" in shown(view_of(take="not recording"))[0]


def test_late_hops_and_stalls_are_on_the_first_line():
    counts = dict.fromkeys(COUNTED, 0.0) | {"late_hops": 3.0, "stalls": 4.0}
    assert "late 7" in shown(view_of(counts=counts))[0]


def test_a_note_is_folded_and_the_latest_ones_win():
    note = (
        "no sound card with an input and an output was found: plug one in, or start JACK; playing the null device: a "
        "recorded sound in, no sound out"
    )
    lines = shown(view_of(notes=[note]))
    assert " ".join(line[9:] for line in lines[-2:]) == note
    newer = shown(view_of(notes=["old", note, "lost", "back"]))
    assert [line.split()[-1] for line in newer[-2:]] == ["lost", "back"]
    assert not any("old" in line for line in newer)


def test_before_the_first_hop_there_is_a_screen_too():
    lines = shown(view_of(hops=0))
    assert any("peak   -inf  rms   -inf dB" in line for line in lines)


@pytest.mark.parametrize("name", COUNTED)
def test_no_count_is_left_out_of_the_closing_line(name):
    view = view_of(counts=dict.fromkeys(COUNTED, 0.0) | {name: 17.0})
    assert "17" in describe_counts(view)
    assert "17" not in describe_counts(view_of())
    assert cell_len(f"played 100000 hops; {describe_counts(view_of())}") <= 80


def test_plain_output_is_one_line_a_time():
    console = Console(width=80, file=io.StringIO())
    print_line(console, view_of())
    assert console.file.getvalue().count("\n") == 1
