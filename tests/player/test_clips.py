"""A clip as the second source of a live run: by name, encoded while it plays, there again after a restart."""

import os
import shutil
import time

import numpy as np
import pytest
import soundfile

from rtrave.backends.cache import ensure_graph
from rtrave.backends.graph_shape import GraphShape
from rtrave.model.registry import find_model
from rtrave.settings import assets_dir
from rtrave.streaming.sound_latents import encode_sound
from tests.player.running import Surface, live_run


@pytest.fixture
def clips(tmp_path):
    folder = tmp_path / "clips"
    folder.mkdir()
    sound, rate = soundfile.read(assets_dir() / "demo.flac", dtype="float32")
    soundfile.write(folder / "a bow.wav", sound[: 2 * rate][::-1], rate)
    (folder / "broken.wav").write_bytes(b"no sound")
    shutil.copy(assets_dir() / "demo.flac", tmp_path / "outside.flac")
    return folder


def until(happened, limit_s=15):
    end_s = time.monotonic() + limit_s
    while not happened():
        assert time.monotonic() < end_s
        time.sleep(0.02)


def distance(run, clip):
    """How far the newest latents are from the nearest frame of the clip."""
    z = run.monitor.latents("out", run.osc.controls.values)
    return float(np.abs(clip - z[:, None]).max(axis=0).min())


@pytest.mark.timeout(60)
def test_a_clip_replaces_the_encoder_and_survives_the_audio_process(tmp_path, clips):
    graph = ensure_graph(find_model("strings"), GraphShape())
    with live_run(tmp_path, clips_dir=clips, record=False) as run:
        facts = run._playing.facts()
        clip = facts.latent_pca @ (encode_sound(graph, clips / "a bow.wav") - facts.latent_mean[:, None])
        surface = Surface(run.osc_port)
        surface.send("/rtrave/source/mix", "f", 1.0)
        time.sleep(0.3)
        assert distance(run, clip) > 1e-3
        surface.send("/rtrave/source/b", "s", "a bow")
        until(lambda: distance(run, clip) < 1e-4)
        os.kill(run.audio_pid, 9)
        pid = run.audio_pid
        until(lambda: run.audio_pid not in (pid, None) and run.view().playing)
        until(lambda: distance(run, clip) < 1e-4)
        surface.send("/rtrave/source/b", "s", "off")
        until(lambda: distance(run, clip) > 1e-3)
        for name in ("../outside", "/etc/passwd", "outside", "input2", "a bow.wav", ""):
            surface.send("/rtrave/source/b", "s", name)
            assert surface.socket.recv(4096).startswith(b"/rtrave/error")
            time.sleep(0.11)
        surface.send("/rtrave/source/b", "s", "broken")
        until(lambda: any("broken" in text for text in run.view().notes))
        surface.socket.close()
