"""The JACK server is killed in mid-take and restarted: the sound is back within 3 s, the take is whole."""

import time

import numpy as np
import pytest

from rtrave.ipc.options import SoundCard
from rtrave.session.reader import open_session, read_audio, read_events
from tests.audio.jack import RATE, jack_server
from tests.player.running import live_run

PERIOD = 1024


def wait_until(condition, limit_s):
    end_s = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < end_s
        time.sleep(0.01)


@pytest.mark.timeout(90)
def test_back_within_three_seconds_of_its_return(tmp_path, monkeypatch):
    with jack_server(tmp_path, PERIOD) as server:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        opened = live_run(tmp_path / "takes", device=SoundCard())
        run = opened.__enter__()
        try:
            wait_until(lambda: run.latent_frame > 30, 5)
            before_s = 30 * 2048 / RATE
            server.process.kill()
            server.process.wait()
            wait_until(lambda: not run.view().playing, 4)
            assert run.view().device.ports.host_api.startswith("JACK")
            time.sleep(1.5)  # it is looked for meanwhile, and nothing else is taken in its place
            assert not run.view().playing
            with jack_server(tmp_path, PERIOD):
                returned_s = time.monotonic()
                frame = run.latent_frame
                wait_until(lambda: run.latent_frame > frame, 6)
                back_s = time.monotonic() - returned_s
                time.sleep(1.0)
                view, folder = run.view(), run.take_folder
                opened.__exit__(None, None, None)
                opened = None
        finally:
            if opened is not None:
                opened.__exit__(None, None, None)
    assert back_s < 3
    assert view.playing and view.restarts == 1 and view.device.ports.input == "system"
    session = open_session(folder)
    events = read_events(session)
    (restart,) = [event for event in events if event["kind"] == "restart"]
    assert restart["gap_s"] > 1.5 and restart["latent_frame"] == restart["resumes_at"] >= 30
    x, y = read_audio(session, "input"), read_audio(session, "output")
    assert x.shape == y.shape and x.shape[1] > (before_s + 0.5) * RATE
    assert np.isfinite(y).all()
    assert not [event for event in events if event["kind"] == "dropped"]
