"""Models of other dimensions, and of other latent frames per hop, replace each other while playing."""

import http.client
import json
import os
import signal
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
from websockets.sync.client import connect

from rtrave.backends.graph_shape import GraphShape
from rtrave.session.reader import latent_index, open_session, read_audio, read_events, read_latents
from tests.player.running import live_run
from tests.player.test_swap import answer, received, surface_of
from tests.tiny import save_compiled, tiny_model

ONE, SIXTEEN = GraphShape(), GraphShape(hop=2048)  # latent frames a hop, of the tiny models


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Models of 4 and 20 latents."""
    folder = tmp_path_factory.mktemp("models")
    for dims, shapes in ((4, (ONE, SIXTEEN)), (20, (ONE,))):
        save_compiled(tiny_model(latent_size=dims), folder / f"tiny{dims}.safetensors", *shapes)
    return folder


@contextmanager
def played(folder, **options):
    """A live run and a surface; no shared memory is left behind."""
    memories = []
    with live_run(folder, **options) as run, surface_of(run) as surface:
        adopt = run._memory.adopt
        run._memory.adopt = lambda: (memories.append(run._memory.shared.path), adopt())
        yield run, surface
        memories.append(run._memory.shared.path)
    assert not [path for path in memories if path.exists()]


@pytest.fixture
def playing(models, tmp_path, monkeypatch):
    monkeypatch.setenv("RTRAVE_PATH", str(models))
    with played(tmp_path) as both:
        yield both


def load(surface, name):
    """Load a model, and return the messages that came before the answer."""
    surface.send("/rtrave/model/load", "s", name)
    messages = []
    while not messages or messages[-1][0] not in ("/rtrave/done", "/rtrave/error"):
        messages += [(message.address, *message.arguments) for message in received(surface)]
    assert messages.pop() == ("/rtrave/done", "/rtrave/model/load", name)
    return messages


def status_of(run, path):
    client = http.client.HTTPConnection("127.0.0.1", run.osc_port, timeout=5)
    client.request("GET", path)
    found = client.getresponse()
    body = found.read()
    client.close()
    return found.status, json.loads(body) if body else None


def commands(web):
    """Return the text messages of the server up to the change of the whole tree."""
    messages = []
    while ("PATH_CHANGED", "/") not in messages:
        frame = web.recv(timeout=10)
        if isinstance(frame, str):
            messages.append((json.loads(frame)["COMMAND"], json.loads(frame)["DATA"]))
    return messages


def mapped(run):
    """Count the shared memories that the audio process still maps, those of former models among them."""
    maps = Path(f"/proc/{run.audio_pid}/maps").read_text().splitlines()
    return len({line.split()[5] for line in maps if ".shared" in line})


def bias(run, n):
    return run.view().controls[run.monitor.layout.index[f"/rtrave/latent/{n}/bias"]]


def wait_for_hops(run, count=40):
    until = run.view().counts["hops"] + count
    end_s = time.monotonic() + 10
    while run.view().counts["hops"] < until:
        assert time.monotonic() < end_s
        time.sleep(0.02)


def test_dimensions_change_while_playing(playing, tmp_path):
    run, surface = playing
    for n, value in ((3, 1.5), (12, 2.0)):
        surface.send(f"/rtrave/latent/{n}/bias", "f", value)
    surface.send("/rtrave/snapshot/store", "s", "verse")
    surface.send("/rtrave/latent/3/bias", "f", 1.25)
    with connect(f"ws://127.0.0.1:{run.osc_port}/", compression=None) as web:
        assert ("/rtrave/model/dims", 4) in load(surface, "tiny4")
        messages = commands(web)
        assert [path for what, path in messages if what == "PATH_REMOVED"] == sorted(
            f"/rtrave/latent/{n}" for n in range(4, 16)
        )
        assert not [path for what, path in messages if what == "PATH_ADDED"]
        assert status_of(run, "/rtrave/latent/4/bias")[0] == 404
        assert status_of(run, "/rtrave/z/out")[1]["TYPE"] == "ffff"
        assert status_of(run, "/rtrave/model/dims?VALUE")[1] == {"VALUE": [4]}
        assert bias(run, 3) == 1.25 and run.view().monitor.latents("out", run.view().controls).shape == (4,)
        surface.send("/rtrave/latent/0/bias", "f", -1.0)
        surface.send("/rtrave/latent/4/bias", "f", 1.0)
        assert answer(surface)[1][1] == "unknown-address"
        wait_for_hops(run)
        assert ("/rtrave/model/dims", 20) in load(surface, "tiny20")
        messages = commands(web)
        assert [path for what, path in messages if what == "PATH_ADDED"] == sorted(
            f"/rtrave/latent/{n}" for n in range(4, 20)
        )
        assert bias(run, 0) == -1.0 and bias(run, 3) == 1.25 and bias(run, 12) == 0.0
        wait_for_hops(run)
        load(surface, "strings")
        surface.send("/rtrave/snapshot/recall", "s", "verse")
        wait_for_hops(run, 6)
        assert bias(run, 3) == 1.5 and bias(run, 0) == 0.0
    assert mapped(run) == 1
    counts = run.view().counts
    assert counts["engine_errors"] == counts["callback_errors"] == run.osc.counts.faults == 0, run.osc.counts.last_fault
    assert counts["audio_dropped"] == counts["hops_dropped"] == counts["controls_dropped"] == 0
    run.stop()
    takes = [open_session(folder) for folder in sorted(tmp_path.iterdir())]
    names = [take.header["model"]["name"] for take in takes]
    assert names == ["strings", "tiny", "tiny", "strings"]
    for take in takes:
        assert read_audio(take, "input").shape == read_audio(take, "output").shape
        assert read_audio(take, "input").shape[1] >= 40 * 128
    events = read_events(takes[1])
    changed = {address: value for event in events if event["kind"] == "set" for address, value in event["set"].items()}
    assert changed["/rtrave/latent/3/bias"] == 1.25 and changed["/rtrave/latent/0/bias"] == -1.0


def test_what_is_started_again_plays_the_new_shape(playing):
    run, surface = playing
    surface.send("/rtrave/latent/2/bias", "f", 0.5)
    load(surface, "tiny4")
    wait_for_hops(run)
    os.kill(run.audio_pid, signal.SIGKILL)
    end_s = time.monotonic() + 15
    while not (run.view().restarts and run.view().playing):
        assert time.monotonic() < end_s
        time.sleep(0.05)
    wait_for_hops(run)
    assert run.monitor.spec.full_latent_size == 4 and bias(run, 2) == 0.5
    load(surface, "strings")


def test_killed_while_another_shape_is_loaded(playing):
    """The old model plays on from its own memory, under the controls of the old shape, and another load works."""
    run, surface = playing
    surface.send("/rtrave/model/fade", "f", 2000.0)
    surface.send("/rtrave/model/load", "s", "tiny20")
    time.sleep(0.6)
    os.kill(run.audio_pid, signal.SIGKILL)
    assert answer(surface)[0] == "/rtrave/error"
    end_s = time.monotonic() + 15
    while not (run.view().restarts and run.view().playing):
        assert time.monotonic() < end_s
        time.sleep(0.05)
    assert run.monitor.spec.name == "strings"
    surface.send("/rtrave/model/fade", "f", 50.0)
    surface.send("/rtrave/latent/15/bias", "f", 1.0)
    load(surface, "tiny20")
    assert bias(run, 15) == 1.0


def test_latent_frames_a_hop_may_change(models, tmp_path, monkeypatch):
    """From 16 latent frames per hop to one: the index of the latent frames continues."""
    monkeypatch.setenv("RTRAVE_PATH", str(models))
    with played(tmp_path, model="tiny4", shape=SIXTEEN) as (run, surface):
        wait_for_hops(run, 4)
        frame = run.latent_frame
        load(surface, "tiny20")
        wait_for_hops(run)
        assert run.latent_frame > frame >= 64
        assert run.view().counts["engine_errors"] == 0
    first, second = (open_session(folder) for folder in sorted(tmp_path.iterdir()))
    assert [read_latents(take, "out").shape[1] for take in (first, second)] == [4, 20]
    # The old model's frames end where those of the new one begin: not one is lost, none is there twice.
    assert latent_index(first)[-1] + 1 == latent_index(second)[0]
    assert [len(latent_index(take)) * 128 for take in (first, second)] == [
        read_audio(take, "output").shape[1] for take in (first, second)
    ]
