"""A take on the null device equals what `rtrave render` computes from its input, bit for bit."""

import json
import time

import numpy as np
import pytest

from rtrave.session.reader import read_events
from tests.player.running import Surface, live_process, read_wav, rtrave


@pytest.fixture(scope="module")
def take(tmp_path_factory):
    """Five seconds without a control moved."""
    folder = tmp_path_factory.mktemp("sessions")
    done = rtrave("live", "--device", "null", "--record", "--duration", 5, "--sessions-dir", folder, "--osc-port", 0)
    assert done.returncode == 0, done.stderr
    return done, next(folder.iterdir())


def test_the_run_tells_what_it_does(take):
    done, folder = take
    for part in ("strings", "null", "latency", "median", "late 0", "udp 127.0.0.1:", str(folder)):
        assert part in done.stdout


def test_the_sound_is_neither_silent_nor_clipped(take):
    y = read_wav(take[1] / "output.wav")
    assert 5 * 44100 <= y.shape[1] <= 6.5 * 44100
    assert 0.02 < np.abs(y).max() < 0.99
    assert np.sqrt(np.mean(y[:, 44100:] ** 2)) > 0.003


def test_render_gives_the_same_bits(take, tmp_path):
    done = rtrave("render", take[1] / "input.wav", tmp_path / "again.wav")
    assert done.returncode == 0, done.stderr
    assert np.array_equal(read_wav(tmp_path / "again.wav"), read_wav(take[1] / "output.wav"))


def test_the_take_is_complete(take):
    folder = take[1]
    header = json.loads((folder / "session.json").read_text())
    assert header["model"]["name"] == "strings"
    assert header["latency_ms"]["total"] > 0
    samples = read_wav(folder / "output.wav").shape[1]
    assert read_wav(folder / "input.wav").shape[1] == samples
    assert samples % 2048 == 0
    rows = samples // 2048
    for end in ("in", "out"):
        assert (folder / f"latents_{end}.f32").stat().st_size == rows * 16 * 4


def test_render_repeats_a_take_with_moved_controls(tmp_path):
    with live_process("--device", "null", "--record", "--sessions-dir", tmp_path, "--seed", 7) as live:
        surface = Surface(live.port())
        for step in range(40):
            surface.send("/rtrave/latent/0/bias", "f", (step % 7) / 3)
            surface.send("/rtrave/latent/1/noise", "f", (step % 3) / 2)
            surface.send("/rtrave/mix", "f", 1 - (step % 5) / 10)
            surface.send("/rtrave/space", "s", "full" if step % 11 == 10 else "compressed")
            if step == 30:
                surface.send("/rtrave/panic")
            time.sleep(0.05)
        assert live.finish() == 0
        session = live.session()
    events = read_events(session)
    assert len([event for event in events if event["kind"] == "set"]) > 20
    again = tmp_path / "again.wav"
    done = rtrave(
        "render", session.folder / "input.wav", again, "--seed", 7, "--controls", session.folder / "events.jsonl"
    )
    assert done.returncode == 0, done.stderr
    assert np.array_equal(read_wav(again), read_wav(session.folder / "output.wav"))
