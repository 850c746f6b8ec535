"""A live run as an OSC peer sees it: answers, errors, feedback, recording; liblo's tools are a second peer."""

import shutil
import socket
import subprocess
import time

import numpy as np
import pytest
from pythonosc.osc_bundle import OscBundle
from pythonosc.osc_message import OscMessage

from rtrave.session.reader import open_session, read_audio, read_events
from tests.player.running import Surface, live_process, live_run


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    with live_run(tmp_path_factory.mktemp("sessions"), record=False) as running:
        time.sleep(0.5)
        yield running


@pytest.fixture
def surface(run):
    made = Surface(run.osc_port)
    yield made
    made.socket.close()


def decoded(datagram):
    if OscBundle.dgram_is_bundle(datagram):
        return [message for part in OscBundle(datagram) for message in decoded(part.dgram)]
    message = OscMessage(datagram)
    return [(message.address, *message.params)]


def answer(surface, address, types="", *arguments):
    """Send one message and return the first answer that is no feedback."""
    surface.send(address, types, *arguments)
    limit_s = time.monotonic() + 2
    while time.monotonic() < limit_s:
        for message in decoded(surface.socket.recv(65536)):
            if message[0] not in ("/rtrave/status", "/rtrave/meter") or message[0] == address:
                return message
    raise AssertionError(f"no answer to {address}")


READABLE = {
    "/rtrave/mix": (float,),
    "/rtrave/space": (str,),
    "/rtrave/latent/15/scale": (float,),
    "/rtrave/latents/bias": (float,) * 16,
    "/rtrave/latent/0/in": (float,),
    "/rtrave/latent/0/out": (float,),
    "/rtrave/z/out": (float,) * 16,
    "/rtrave/model/name": (str,),
    "/rtrave/model/dims": (int,),
    "/rtrave/model/sample_rate": (int,),
    "/rtrave/model/ratio": (int,),
    "/rtrave/model/encoder": (str,),
    "/rtrave/model/delay": (int,),
    "/rtrave/record/state": (int, str, float),
    "/rtrave/status": (int, float, float, int),
    "/rtrave/meter": (float,) * 4,
    "/rtrave/norm/mix": (float,),
}


@pytest.mark.parametrize("address", READABLE)
def test_every_readable_address_answers(surface, address):
    message = answer(surface, address)
    assert message[0] == address
    assert tuple(type(value) for value in message[1:]) == READABLE[address]


def test_the_models_that_can_be_loaded_have_names(surface):
    assert "strings" in answer(surface, "/rtrave/model/list")[1:]


def test_an_error_goes_to_the_sender(surface):
    message = answer(surface, "/rtrave/latent/0/bias", "f", float("nan"))
    assert message[:4] == ("/rtrave/error", "/rtrave/latent/0/bias", "not-finite", 0)


def test_hello_brings_status_and_meter(surface):
    surface.send("/rtrave/hello", "ii", surface.socket.getsockname()[1], 3)
    received = {}
    limit_s = time.monotonic() + 2
    while len(received) < 2 and time.monotonic() < limit_s:
        for address, *values in decoded(surface.socket.recv(65536)):
            received[address] = values
    late, load, latency_ms, uptime_s = received["/rtrave/status"]
    assert late == 0
    assert 0 < load < 1
    assert 40 < latency_ms < 200
    assert uptime_s >= 0
    assert all(-121 < level <= 0 for level in received["/rtrave/meter"])
    surface.send("/rtrave/bye")


def test_a_take_by_osc(surface, run):
    time.sleep(0.2)
    surface.send("/rtrave/latent/2/bias", "f", 1.5)
    time.sleep(0.2)
    surface.send("/rtrave/record/start", "s", "second-song")
    time.sleep(0.5)
    assert answer(surface, "/rtrave/record/start")[2] == "busy"
    state = answer(surface, "/rtrave/record/state")
    assert state[1] == 1
    assert state[2].endswith("-second-song")
    surface.send("/rtrave/record/mark", "s", "the good bit")
    surface.send("/rtrave/latent/2/bias", "f", -1.5)
    time.sleep(0.5)
    surface.send("/rtrave/record/stop")
    time.sleep(0.3)
    assert answer(surface, "/rtrave/record/state")[1] == 0
    session = open_session(run.take_folder)
    events = read_events(session)
    assert [event["kind"] for event in events][:2] == ["start", "set"]
    assert events[0]["latent_frame"] > 0
    assert events[1]["set"]["/rtrave/latent/2/bias"] == 1.5
    assert [event["text"] for event in events if event["kind"] == "mark"] == ["the good bit"]
    assert [event["set"] for event in events if event["kind"] == "set"][1:] == [{"/rtrave/latent/2/bias": -1.5}]
    assert read_audio(session, "output").shape[1] % 2048 == 0


@pytest.mark.parametrize("tag", ["../../etc", "a b", "x" * 65, "/tmp/x"])
def test_a_hostile_tag_makes_no_folder(surface, run, tag):
    before = sorted(run.take_folder.parent.iterdir()) if run.take_folder else []
    assert answer(surface, "/rtrave/record/start", "s", tag)[2] == "bad-name"
    assert (sorted(run.take_folder.parent.iterdir()) if run.take_folder else []) == before


def test_liblo_drives_and_listens(tmp_path):
    assert shutil.which("oscsend") and shutil.which("oscdump"), "these tests need liblo-tools"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    dump = subprocess.Popen(["oscdump", "-L", str(port)], stdout=subprocess.PIPE, text=True)
    try:
        options = ("--record", "--sessions-dir", tmp_path, "--osc-send", f"127.0.0.1:{port}")
        with live_process("--device", "null", *options) as live:
            target = ["127.0.0.1", str(live.port())]
            time.sleep(1)
            subprocess.run(["oscsend", *target, "/rtrave/silence", "i", "1"], check=True)
            time.sleep(1)
            assert live.finish() == 0
            session = live.session()
    finally:
        dump.terminate()
        received = dump.communicate(timeout=5)[0]
    assert "/rtrave/status iffi 0" in received
    assert "/rtrave/meter ffff" in received
    y = read_audio(session, "output")[0]
    assert np.abs(y[:44100]).max() > 0.01
    assert not y[-10000:].any()


def test_every_value_of_the_table_is_answered(tmp_path):
    from rtrave.control.parameter import ParameterKind
    from rtrave.control.table import TABLE

    with live_run(tmp_path) as run:
        surface = Surface(run.osc_port)
        for parameter in TABLE:
            if parameter.kind is ParameterKind.READ:
                surface.send(parameter.address.replace("<n>", "0"))
                answer = surface.socket.recv(4096)
                assert b"/rtrave/error" not in answer, parameter.address
                time.sleep(0.1)  # ten answers a second
