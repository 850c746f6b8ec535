"""A script that raises, hangs, returns NaN or dies is muted and reported, and plays on; the sound never stops."""

import os
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import psutil
import pytest

from rtrave.backends.torchscript import backend
from tests.backends.torchscript.playing import FADED, HOP, delayed, engine_of, folder_of, noise, play
from tests.third_party_scripts import Troubled

HOP_S = HOP / 44100
RAISE, HANG, NAN, SHAPE = 2.0, 3.0, 4.0, 5.0
ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return folder_of(Troubled(), tmp_path_factory.mktemp("scripts"))


@pytest.fixture(scope="module")
def offline_engine(folder):
    """One offline engine for the tests that do not depend on what it played before."""
    with engine_of(folder) as engine:
        yield engine


@pytest.fixture
def engine(offline_engine):
    offline_engine.reset()
    return offline_engine


@contextmanager
def live_engine(folder):
    """Open an engine as the audio process does, and warm it up."""
    with engine_of(folder, offline=False) as engine:
        play(engine, np.zeros((1, 4 * HOP), np.float32))
        engine.reset()
        yield engine


def with_trouble(hops, at, what):
    x = noise(1, hops * HOP)
    x[0, at * HOP] = what
    return x


def equal_from(y, x, hop):
    """Compare the output, from a hop on, with the doubled input one hop later; the fade at its start is left out."""
    start = hop * HOP + FADED
    return np.allclose(y[:, start:], delayed(2 * x)[:, start:], atol=1e-6)


@pytest.mark.parametrize(("what", "why"), [(RAISE, "no such block"), (SHAPE, "as its params say")])
def test_a_script_that_raises(engine, what, why):
    x = with_trouble(12, 5, what)
    y, _, _, lost = play(engine, x)
    assert [index for index, _ in lost] == [6]
    assert why in lost[0][1]
    assert not y[:, 6 * HOP : 8 * HOP].any()  # the lost hop and the one after the reset
    assert equal_from(y, x, 8)


def test_a_script_that_gives_nan(engine):
    x = with_trouble(12, 5, NAN)
    y, _, _, lost = play(engine, x)
    assert engine.report.nonfinite_out == 0
    assert lost == []
    assert not y[:, 6 * HOP + FADED : 7 * HOP].any()
    assert equal_from(y, x, 7)


def test_nan_is_counted(engine):
    play(engine, with_trouble(2, 0, NAN))
    assert engine.report.nonfinite_out == HOP


def test_a_script_that_hangs_is_ended_and_started_again(folder, monkeypatch):
    monkeypatch.setattr("rtrave.backends.torchscript.backend.CALL_LIMIT_S", 0.3)
    x = with_trouble(120, 5, HANG)
    with live_engine(folder) as engine:
        script = engine.stream.backend.inner
        before = script.worker_pid
        y, _, _, lost = play(engine, x, pace_s=HOP_S)
        assert script.restarts == 1
        assert script.worker_pid != before
        assert not psutil.pid_exists(before)
    assert lost[0][0] == 6
    recovered = lost[-1][0] + 2
    assert recovered < 110
    assert equal_from(y, x, recovered)
    assert np.allclose(y[:, HOP : 6 * HOP - FADED], 2 * x[:, : 5 * HOP - FADED], atol=1e-6)


def test_no_hop_takes_longer_than_a_hop_while_the_script_hangs(folder):
    x = with_trouble(30, 3, HANG)
    longest_s = 0.0
    with live_engine(folder) as engine:
        for start in range(0, x.shape[1], HOP):
            began_s = time.monotonic()
            play(engine, x[:, start : start + HOP])
            longest_s = max(longest_s, time.monotonic() - began_s)
    assert longest_s < 2 * HOP_S  # it waits for one hop at most; the load of the machine may add to that


def test_dry_sound_passes_a_script_that_hangs(folder):
    x = with_trouble(20, 3, HANG)
    with live_engine(folder) as engine:
        y, _, _, lost = play(engine, x, bypass=1, out__limit=0)
    assert lost == []
    assert np.array_equal(y, delayed(x))


def test_a_worker_that_is_killed_is_replaced(engine):
    x = noise(1, 8 * HOP)
    before = engine.stream.backend.inner.restarts
    psutil.Process(engine.stream.backend.inner.worker_pid).kill()
    y, _, _, lost = play(engine, x)
    assert [index for index, _ in lost] == [1]
    assert "ended its process (code -9)" in lost[0][1]
    assert engine.stream.backend.inner.restarts == before + 1
    assert equal_from(y, x, 3)


def test_a_file_that_changed_is_not_played(tmp_path):
    with engine_of(folder_of(Troubled(), tmp_path)) as engine:
        path = tmp_path / "troubled.ts"
        path.write_bytes(path.read_bytes() + b"x")
        psutil.Process(engine.stream.backend.inner.worker_pid).kill()
        lost = play(engine, noise(1, 4 * HOP))[3]
    assert "has changed" in lost[-1][1]


def test_offline_an_engine_waits_for_a_slow_script(folder, monkeypatch):
    monkeypatch.setattr(backend, "PATIENT_LIMIT_S", 0.5)
    with engine_of(folder) as engine:
        lost = play(engine, with_trouble(4, 1, HANG))[3]
    assert [index for index, _ in lost] == [2]
    assert "gave no answer for 0.5 s" in lost[0][1]


def test_nothing_stays_when_the_player_is_killed(folder):
    """The worker ends even in an endless loop, and no shared memory stays."""
    code = f"""
import sys, time
from pathlib import Path
import numpy as np
from rtrave.engine.engine import open_engine
engine = open_engine(Path({str(folder)!r}), offline=True)
x = np.full((1, 2048), 3, np.float32)
engine.process(x, engine.layout.defaults(), np.zeros_like(x))
print(engine.stream.backend.inner.worker_pid, engine.stream.backend.inner._block.path, flush=True)
time.sleep(60)
"""
    player = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    try:
        pid, block = player.stdout.readline().split()
        time.sleep(0.3)  # the loop begins
        assert psutil.pid_exists(int(pid))
        assert not os.path.exists(block)
    finally:
        player.kill()
        player.wait()
        player.stdout.close()
    limit_s = time.monotonic() + 5
    while psutil.pid_exists(int(pid)) and psutil.Process(int(pid)).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < limit_s
        time.sleep(0.02)
