"""OSCQuery of a live run: on the port of OSC, and on this computer only unless the options say otherwise."""

import http.client
import json
import re
import socket

import pytest

from tests.player.running import Surface, live_process, rtrave


def get(port, target, host="127.0.0.1"):
    client = http.client.HTTPConnection(host, port, timeout=5)
    client.request("GET", target)
    answer = client.getresponse()
    body = answer.read()
    client.close()
    return answer.status, json.loads(body) if body else None


def test_values_follow_osc_and_the_sound():
    with live_process("--device", "null") as run:
        port = run.port()
        surface = Surface(port)
        surface.send("/rtrave/latent/3/bias", "f", -1.5)
        surface.send("/rtrave/sync", "i", 1)
        surface.socket.recv(4096)
        surface.socket.close()
        assert get(port, "/rtrave/latent/3/bias?VALUE") == (200, {"VALUE": [-1.5]})
        status, name = get(port, "/rtrave/model/name?VALUE")
        assert (status, name) == (200, {"VALUE": ["strings"]})
        assert get(port, "/?HOST_INFO")[1]["OSC_PORT"] == port
        assert len(get(port, "/rtrave/z/out?VALUE")[1]["VALUE"]) == 16


def test_beyond_loopback_only_with_a_network_and_a_token():
    own = socket.gethostbyname(socket.gethostname())
    with live_process("--device", "null", "--osc-bind", "0.0.0.0") as run:
        port = run.port()
        if not own.startswith("127."):
            with pytest.raises(ConnectionRefusedError):
                get(port, "/", own)
        assert get(port, "/")[0] == 200
    with live_process("--device", "null", "--osc-bind", "0.0.0.0", "--osc-allow", "0.0.0.0/0") as run:
        port = run.port()
        token = re.search(rf":{port}/(\S+)/", run.wait_for(rf"open to other computers.*:{port}/\S+/")[0])[1]
        if not own.startswith("127."):
            assert get(port, "/", own)[0] == 403
            assert get(port, f"/{token}/rtrave/mix?VALUE", own) == (200, {"VALUE": [1]})


def test_a_taken_port_and_a_network_without_a_bind_are_one_line():
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = rtrave("live", "--device", "null", "--duration", "1", "--osc-port", port)
    assert done.returncode == 1 and f"TCP port {port}" in done.stderr and done.stderr.count("\n") == 1
    done = rtrave("live", "--device", "null", "--duration", "1", "--osc-port", "0", "--osc-allow", "10.0.0.0/8")
    assert done.returncode == 1 and "--osc-bind" in done.stderr
