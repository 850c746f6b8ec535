"""The patch in Pure Data itself: its messages arrive, and the messages of rtrave move its sliders."""

import re
import shutil
import socket
import subprocess
import time

import pytest

from rtrave.control.namespace import Controls
from rtrave.control.vector import make_layout
from rtrave.osc.packets import encode_message
from rtrave.osc.server import OscServer
from rtrave.surfaces.pure_data import patch

HELPER = """#N canvas 0 0 400 300 12;
#X obj 20 20 r rtrave-heard;
#X obj 20 50 print heard;
#X obj 200 20 r ask;
#X obj 200 50 s rtrave-latent-2-bias;
#X obj 20 80 r rtrave-latent-2-bias-moved;
#X obj 20 110 print slider;
#X obj 200 80 netreceive -u {port};
#X obj 200 110 s ask;
#X connect 0 0 1 0;
#X connect 2 0 3 0;
#X connect 4 0 5 0;
#X connect 6 0 7 0;
"""


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def until(happened):
    limit_s = time.monotonic() + 10
    while not happened():
        assert time.monotonic() < limit_s
        time.sleep(0.01)


@pytest.fixture
def server():
    made = OscServer(Controls(make_layout(20)), lambda values: None, {}, {}, port=0)
    made.start()
    yield made
    made.stop()


@pytest.mark.timeout(40)
def test_a_round_trip(server, tmp_path):
    program = shutil.which("pd")
    assert program, "this test needs Pure Data (Debian: puredata-core)"
    reply, ask = free_port(), free_port()
    (tmp_path / "x.pd").write_text(patch(server.controls, "127.0.0.1", server.port, reply))
    (tmp_path / "helper.pd").write_text(HELPER.format(port=ask))
    command = [program, "-nogui", "-noaudio", "-nosleep", "-stderr", tmp_path / "helper.pd", tmp_path / "x.pd"]
    log = (tmp_path / "log").open("w+")
    pd = subprocess.Popen(command, stderr=log, stdout=log, stdin=subprocess.DEVNULL)
    out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        text = lambda: (tmp_path / "log").read_text()  # noqa: E731
        until(lambda: "heard: rtrave mix 1" in text())  # the whole state, after its hello
        out.sendto(b"1.5;\n", ("127.0.0.1", ask))  # the slider is moved
        until(lambda: server.controls.get("/rtrave/latent/2/bias") == (1.5,))
        assert "heard: rtrave latent 2 bias 1.5" not in text()  # no echo to the slider that sends
        out.sendto(encode_message("/rtrave/latent/2/bias", "f", (-2.25,)), ("127.0.0.1", server.port))
        until(lambda: "heard: rtrave latent 2 bias -2.25" in text())
        out.sendto(b"bang;\n", ("127.0.0.1", ask))  # the slider sends its position
        until(lambda: "slider: -2.25" in text())
        assert "couldn't create" not in text() and "no such object" not in text()
        assert server.counts.refused.total() == 0
    finally:
        out.close()
        pd.terminate()
        pd.wait(5)
        log.close()


@pytest.mark.parametrize("dims", [1, 16, 17, 128])
def test_connections_point_at_existing_objects(dims):
    text = patch(Controls(make_layout(dims)))
    assert text.count("#N canvas") == 1 + -(-dims // 16)
    counts, wires = [0], [[]]
    for line in text.splitlines():
        if line.startswith("#N canvas"):
            counts.append(0)
            wires.append([])
        elif line.startswith("#X restore"):
            inside, count = wires.pop(), counts.pop()
            assert all(max(a, b) < count for a, b in inside)
            counts[-1] += 1
        elif found := re.match(r"#X connect (\d+) \d+ (\d+) \d+;", line):
            wires[-1].append((int(found[1]), int(found[2])))
        else:
            assert re.match(r"#X (obj|msg) -?\d+ -?\d+ .*;$", line), line
            counts[-1] += 1
    assert all(max(a, b) < counts[-1] for a, b in wires[-1])
