"""Web sockets: LISTEN and IGNORE, OSC in both directions, and the limits."""

import json
import socket

import pytest
from pythonosc.osc_message import OscMessage
from websockets.exceptions import ConnectionClosed, InvalidStatus

from rtrave.osc.packets import encode_message
from rtrave.web.server import MAX_FRAME_BYTES
from rtrave.web.sockets import MAX_SOCKETS
from tests.osc.rig import state
from tests.web.conftest import Site


def command(what: str, path: object) -> str:
    return json.dumps({"COMMAND": what, "DATA": path})


def received(web, count: int) -> list[tuple]:
    messages = [OscMessage(web.recv(timeout=5)) for _ in range(count)]
    return [(m.address, *m.params) for m in messages]


def silent(web) -> bool:
    try:
        web.recv(timeout=0.3)
    except TimeoutError:
        return True
    return False


def settled(site: Site, web) -> None:
    """Wait until the server has done everything sent so far, and skip the feedback before that."""
    web.send(encode_message("/rtrave/sync", "i", (1,)))
    while received(web, 1) != [("/rtrave/synced", 1)]:
        pass


def udp(site: Site, *packets: bytes) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        for packet in packets:
            out.sendto(packet, ("127.0.0.1", site.port))


def test_listen_relays_what_others_set_and_ignore_ends_it(site: Site) -> None:
    web = site.socket()
    web.send(command("LISTEN", "/rtrave/mix"))
    settled(site, web)
    udp(site, encode_message("/rtrave/mix", "f", (0.5,)), encode_message("/rtrave/freeze", "i", (1,)))
    assert received(web, 1) == [("/rtrave/mix", 0.5)]
    assert silent(web)
    web.send(command("IGNORE", "/rtrave/mix"))
    settled(site, web)
    udp(site, encode_message("/rtrave/mix", "f", (0.25,)))
    assert silent(web)


def test_a_container_means_all_below(site: Site) -> None:
    web = site.socket()
    web.send(command("LISTEN", "/rtrave/latent/1"))
    settled(site, web)
    udp(site, encode_message("/rtrave/latents/bias", "f", (2.0,)))
    assert received(web, 1) == [("/rtrave/latent/1/bias", 2.0)]


def test_vector_forms_and_macros_are_relayed_too(site: Site) -> None:
    web = site.socket()
    for path in ("/rtrave/latents/bias", "/rtrave/fidelity"):
        web.send(command("LISTEN", path))
    settled(site, web)
    udp(site, encode_message("/rtrave/latent/1/bias", "f", (2.0,)), encode_message("/rtrave/dims", "i", (2,)))
    assert set(received(web, 2)) == {("/rtrave/latents/bias", 0.0, 2.0, 0.0, 0.0), ("/rtrave/fidelity", 0.5)}


def test_binary_frames_set_and_ask_and_are_not_echoed(site: Site) -> None:
    web, other = site.socket(), site.socket()
    for each in (web, other):
        each.send(command("LISTEN", "/rtrave/mix"))
        settled(site, each)
    web.send(encode_message("/rtrave/mix", "f", (0.25,)))
    assert received(other, 1) == [("/rtrave/mix", 0.25)] and silent(web)
    web.send(encode_message("/rtrave/mix", "f", (7.0,)))
    assert received(web, 1) == [("/rtrave/mix", 1.0)]  # corrected
    web.send(encode_message("/rtrave/nosuch", "f", (7.0,)))
    assert received(web, 1)[0][:3] == ("/rtrave/error", "/rtrave/nosuch", "unknown-address")


def test_a_socket_can_say_hello_and_gets_the_state(site: Site) -> None:
    web = site.socket()
    web.send(encode_message("/rtrave/hello", "", ()))
    expected = len(state(site.controls))
    values = dict(m[:2] for m in received(web, expected + 1))
    assert values["/rtrave/mix"] == 1.0 and values["/rtrave/version"] == "x"


@pytest.mark.parametrize(
    "frame",
    [
        "",
        "{",
        "[]",
        "[" * 30_000,
        "null",
        command("LISTEN", 3),
        command("LISTEN", "/nosuch"),
        command("DESTROY", "/rtrave"),
        b"",
        b"\xff" * 100,
        b"#bundle\0",
    ],
)
def test_nonsense_is_ignored(site: Site, frame: str | bytes) -> None:
    web = site.socket()
    web.send(frame)
    web.send(encode_message("/rtrave/sync", "i", (1,)))
    while received(web, 1) != [("/rtrave/synced", 1)]:
        pass
    assert site.osc.counts.faults == 0


def test_a_frame_that_is_too_long_ends_the_socket(site: Site) -> None:
    web = site.socket()
    with pytest.raises(ConnectionClosed):
        web.send(b"\0" * (MAX_FRAME_BYTES + 4))
        web.recv(timeout=5)
    assert site.get("/").status == 200


def test_sixteen_sockets_may_be_open(site: Site) -> None:
    opened = [site.socket() for _ in range(MAX_SOCKETS)]
    with pytest.raises(InvalidStatus) as caught:
        site.socket()
    assert caught.value.response.status_code == 503
    opened[0].close()
    site.until(lambda: len(site.web.sockets) < MAX_SOCKETS)
    site.socket()


@pytest.mark.parametrize("origin", ["http://evil.example", "null"])
def test_another_page_is_refused(site: Site, origin: str) -> None:
    with pytest.raises(InvalidStatus) as caught:
        site.socket(origin=origin)
    assert caught.value.response.status_code == 403
    site.socket(origin=f"http://127.0.0.1:{site.port}")


def test_a_closed_socket_leaves_no_lease_and_no_listener(site: Site) -> None:
    web = site.socket()
    web.send(command("LISTEN", "/rtrave"))
    settled(site, web)
    assert site.osc.stats()["listeners"] == site.osc.stats()["leases"] == 1
    web.close()
    site.until(lambda: site.osc.stats()["listeners"] == site.osc.stats()["leases"] == 0)
