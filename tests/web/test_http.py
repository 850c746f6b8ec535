"""OSCQuery over HTTP: answers, refusals, and no change by any request."""

import json
import socket

import pytest

from tests.web.conftest import Site


def test_a_value_and_the_root(site: Site) -> None:
    answer = site.get("/rtrave/mix?VALUE")
    assert answer.status == 200 and json.loads(answer.body) == {"VALUE": [1]}
    assert answer.headers["Content-Type"] == "application/json"
    assert "CONTENTS" in json.loads(site.get("/").body)
    assert json.loads(site.get("/?HOST_INFO").body)["OSC_PORT"] == site.port


def test_safety_headers(site: Site) -> None:
    headers = site.get("/").headers
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "Access-Control-Allow-Origin" not in headers and "Server" not in headers


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example"}, 403),
        ({"Host": "localhost:1"}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({}, 200),
    ],
)
def test_unknown_hosts_and_origins_are_refused(site: Site, headers: dict[str, str], status: int) -> None:
    assert site.get("/", **headers).status == status


@pytest.mark.parametrize(("target", "status"), [("/nosuch", 404), ("/?X", 400), ("/rtrave/panic?VALUE", 204)])
def test_statuses(site: Site, target: str, status: int) -> None:
    assert site.get(target).status == status


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "HEAD"])
def test_nothing_but_get(site: Site, method: str) -> None:
    before = site.controls.values.copy()
    try:
        assert site.get("/rtrave/mix", method).status >= 400
    except (ConnectionError, OSError, Exception) as error:  # the connection may be closed without an answer
        assert "http" in type(error).__module__ or isinstance(error, (ConnectionError, AssertionError))
    assert (site.controls.values == before).all() and site.get("/").status == 200


@pytest.mark.parametrize(
    "raw",
    [
        b"\0" * 100,
        b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 5000 + b"\r\n",
        b"GET " + b"/" * 100_000 + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET / HTTP/9\r\n\r\n",
        b"GET /%ff%00 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"/rtrave/mix\0,f\0\0\0\0\0\0",
    ],
)
def test_broken_requests_harm_nobody(site: Site, raw: bytes) -> None:
    with socket.create_connection(("127.0.0.1", site.port), timeout=5) as client:
        try:
            client.sendall(raw)
            client.shutdown(socket.SHUT_WR)
            while client.recv(65536):
                pass
        except ConnectionError:
            pass
    assert site.get("/rtrave/mix?VALUE").status == 200
    assert site.osc.counts.faults == 0
