"""Load another model by OSC while playing: sound and take continue, the outcome is announced, a bad file is refused."""

import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import numpy as np
import pytest

from rtrave.backends.cache import ensure_graph
from rtrave.backends.graph_shape import GraphShape
from rtrave.backends.opening import read_facts
from rtrave.control.namespace import Controls
from rtrave.control.vector import make_layout
from rtrave.errors import RtraveError
from rtrave.osc.packets import decode_packet
from rtrave.player.model_preparation import check_channels
from rtrave.session.reader import open_session, read_audio, read_events
from tests.player.running import Surface, live_run
from tests.reference import DATA

OTHERS = ("v1_causal", "brave")  # ratios 2048 and 128, 16 latents as strings


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    paths = [folder / name for name in (*OTHERS, "v2_causal_stereo_48k")]
    for path in paths:
        shutil.copytree(DATA / path.name, path)
    with ThreadPoolExecutor(2) as pool:  # of child processes
        list(pool.map(lambda path: ensure_graph(path, GraphShape()), paths))
    (folder / "damaged.safetensors").write_bytes(b"no model at all")
    return folder


@contextmanager
def surface_of(run):
    """A surface that says hello and receives all messages."""
    surface = Surface(run.osc_port)
    surface.socket.settimeout(3)
    hello(surface)
    try:
        yield surface
    finally:
        surface.socket.close()


def hello(surface):
    surface.send("/rtrave/hello", "ii", surface.socket.getsockname()[1], 0)


def received(surface, limit_s=60):
    """The messages of the next datagram. A busy computer takes long to answer: the lease is renewed meanwhile."""
    end_s = time.monotonic() + limit_s
    while True:
        try:
            return list(decode_packet(surface.socket.recv(65536)))
        except TimeoutError:
            assert time.monotonic() < end_s
            hello(surface)


def answer(surface, limit_s=60):
    """The next done or error: its address and values."""
    end_s = time.monotonic() + limit_s
    while time.monotonic() < end_s:
        for message in received(surface):
            if message.address in ("/rtrave/done", "/rtrave/error"):
                return message.address, message.arguments
    raise AssertionError("no answer came")


def test_models_change_while_playing(models, tmp_path, monkeypatch):
    monkeypatch.setenv("RTRAVE_PATH", str(models))
    with live_run(tmp_path) as run, surface_of(run) as surface:
        first = run.take_folder
        for name in ("brave", "v1_causal", "strings", "brave"):
            surface.send("/rtrave/model/load", "s", name)
            assert answer(surface) == ("/rtrave/done", ("/rtrave/model/load", name))
            assert run.view().monitor.spec.name == name
            hops = run.view().counts["hops"]
            time.sleep(0.5)
            assert run.view().counts["hops"] > hops
        for name, code in (
            ("nobody", "bad-name"),
            (str(models / "brave"), "bad-name"),
            ("damaged", "denied"),
            ("v2_causal_stereo_48k", "denied"),
        ):
            surface.send("/rtrave/model/load", "s", name)
            address, values = answer(surface)
            assert (address, values[0], values[1]) == ("/rtrave/error", "/rtrave/model/load", code)
            assert run.view().monitor.spec.name == "brave"
        counts = run.view().counts
        assert counts["engine_errors"] == counts["callback_errors"] == counts["audio_dropped"] == 0
        last = run.take_folder
    takes = sorted(folder for folder in tmp_path.iterdir())
    assert first in takes and last in takes and len(takes) == 5
    played = [open_session(take) for take in takes]
    assert [session.header["model"]["name"] for session in played] == [
        "strings",
        "brave",
        "v1_causal",
        "strings",
        "brave",
    ]
    for session in played:
        x, y = read_audio(session, "input"), read_audio(session, "output")
        assert x.shape == y.shape and x.shape[1] > 10_000
        assert not [event for event in read_events(session) if event["kind"] == "dropped"]
    assert all(np.abs(read_audio(session, "output")).max() > 1e-4 for session in played)


def test_a_model_of_other_channels_is_refused_with_what_differs():
    strings = read_facts(ensure_graph(DATA / "v1_causal", GraphShape()))
    stereo = read_facts(ensure_graph(DATA / "v2_causal_stereo_48k", GraphShape()))
    check_channels(strings, strings)
    with pytest.raises(RtraveError, match="expected 1 channels, as the model that plays, got 2: start a run"):
        check_channels(strings, stereo)


def test_killed_while_a_model_is_loaded(models, tmp_path, monkeypatch):
    """After the kill the model plays that played before it, and the take continues."""
    import os
    import signal

    monkeypatch.setenv("RTRAVE_PATH", str(models))
    with live_run(tmp_path) as run, surface_of(run) as surface:
        surface.send("/rtrave/model/fade", "f", 2000.0)
        surface.send("/rtrave/model/load", "s", "brave")
        time.sleep(0.6)
        os.kill(run.audio_pid, signal.SIGKILL)
        assert answer(surface)[0] == "/rtrave/error"
        end_s = time.monotonic() + 10
        while not (run.view().restarts and run.view().playing):
            assert time.monotonic() < end_s
            time.sleep(0.05)
        assert run.view().monitor.spec.name == "strings"
        surface.send("/rtrave/model/load", "s", "v1_causal")
        assert answer(surface)[0] == "/rtrave/done"


def test_the_controls_outlast_a_swap(models, tmp_path, monkeypatch):
    monkeypatch.setenv("RTRAVE_PATH", str(models))
    assert make_layout(16).size == Controls(make_layout(16)).values.size
    with live_run(tmp_path) as run, surface_of(run) as surface:
        surface.send("/rtrave/latent/3/bias", "f", 1.5)
        surface.send("/rtrave/model/load", "s", "v1_causal")
        assert answer(surface)[0] == "/rtrave/done"
        time.sleep(0.3)
        view = run.view()
        assert view.controls[view.monitor.layout.index["/rtrave/latent/3/bias"]] == 1.5
