"""The audio process is killed or hangs: sound, controls and recording return, and the take has the gap."""

import os
import signal
import time

import numpy as np
import pytest

from rtrave.session.reader import open_session, read_audio, read_events
from tests.player.running import Surface, live_run, read_wav, rtrave


def wait_until(condition, timeout_s):
    limit_s = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < limit_s
        time.sleep(0.01)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "hung"])
def test_back_within_three_seconds(tmp_path, how):
    with live_run(tmp_path) as run:
        surface = Surface(run.osc_port)
        surface.send("/rtrave/latent/0/bias", "f", 2.5)
        surface.send("/rtrave/out/gain", "f", -6.0)
        time.sleep(1)
        pid = run.audio_pid
        os.kill(pid, how)
        began_s = time.monotonic()
        wait_until(lambda: run.view().restarts == 1, 6)
        frame = run.latent_frame
        wait_until(lambda: run.latent_frame > frame + 2, 2)
        back_s = time.monotonic() - began_s
        assert back_s < (3 if how == signal.SIGKILL else 5)
        assert run.audio_pid != pid
        time.sleep(1)
        folder = run.take_folder
    session = open_session(folder)
    events = read_events(session)
    (restart,) = [event for event in events if event["kind"] == "restart"]
    assert 0 < restart["gap_s"] < 5
    assert [event["text"] for event in events if event["kind"] == "device"]
    last = {}
    for event in events:
        if event["kind"] == "set":
            last.update(event["set"])
    assert last["/rtrave/latent/0/bias"] == 2.5
    assert last["/rtrave/out/gain"] == -6.0
    y = read_audio(session, "output")
    assert np.abs(y[:, -22050:]).max() > 0.01

    done = rtrave("render", folder / "input.wav", tmp_path / "again.wav", "--controls", folder / "events.jsonl")
    assert done.returncode == 0, done.stderr
    assert np.array_equal(read_wav(tmp_path / "again.wav"), y)
