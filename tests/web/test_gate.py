"""The requests that the gate admits."""

import socket

import pytest

from rtrave.errors import RtraveError
from rtrave.web.gate import Gate, parse_networks

HERE = Gate(9000)
OPEN = Gate(9000, parse_networks(["192.168.0.0/16"]), "secret")
ME = socket.gethostname()


@pytest.mark.parametrize(
    ("host", "origin", "fine"),
    [
        ("localhost:9000", None, True),
        ("127.0.0.1:9000", None, True),
        ("[::1]:9000", None, True),
        ("localhost:9000", "http://localhost:9000", True),
        (None, None, False),
        ("localhost", None, False),
        ("localhost:80", None, False),
        ("evil.example:9000", None, False),
        ("localhost.evil.example:9000", None, False),
        ("192.168.0.3:9000", None, False),
        ("localhost:9000", "http://evil.example", False),
        ("localhost:9000", "http://localhost:8080", False),
        ("localhost:9000", "null", False),
        ("localhost:9000", "", False),
        ("", None, False),
        (":9000", None, False),
    ],
)
def test_loopback(host, origin, fine):
    assert (HERE.refusal("127.0.0.1", host, origin) == "") == fine


@pytest.mark.parametrize(
    ("peer", "host", "fine"),
    [
        ("192.168.1.5", "192.168.1.2:9000", True),
        ("192.168.1.5", f"{ME}:9000", True),
        ("192.168.1.5", f"{ME}.local:9000", True),
        ("192.168.1.5", "evil.example:9000", False),
        ("10.0.0.5", "192.168.1.2:9000", False),
        ("127.0.0.1", "localhost:9000", True),
    ],
)
def test_an_open_gate(peer, host, fine):
    assert (OPEN.refusal(peer, host, None) == "") == fine


def test_nobody_from_elsewhere_without_a_network():
    assert HERE.refusal("192.168.1.5", "localhost:9000", None)


@pytest.mark.parametrize(
    ("peer", "target", "path"),
    [
        ("192.168.1.5", "/secret/rtrave/mix?VALUE", "/rtrave/mix?VALUE"),
        ("192.168.1.5", "/secret/", "/"),
        ("192.168.1.5", "/secret", "/"),
        ("192.168.1.5", "/secret?HOST_INFO", "/?HOST_INFO"),
        ("192.168.1.5", "/rtrave/mix", None),
        ("192.168.1.5", "/", None),
        ("192.168.1.5", "/Secret/", None),
        ("192.168.1.5", "//secret/x", "/x"),
        ("127.0.0.1", "/rtrave/mix", "/rtrave/mix"),
    ],
)
def test_the_token(peer, target, path):
    assert OPEN.path(peer, target) == path


@pytest.mark.parametrize("text", ["x", "192.168.0.1/16", "300.0.0.0/8", ""])
def test_bad_networks_are_one_line(text):
    with pytest.raises(RtraveError) as caught:
        parse_networks([text])
    assert "\n" not in str(caught.value)
