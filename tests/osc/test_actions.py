"""Actions: the calls that reach the program, and the answers of the server itself."""

from collections.abc import Callable

import pytest

from rtrave.errors import ControlError, RtraveError
from tests.osc.rig import Peer, Rig, adds_up, message

START, STOP, MARK = (f"/rtrave/record/{k}" for k in ("start", "stop", "mark"))


class Recorder:
    """A recorder that lists its calls."""

    def __init__(self) -> None:
        self.calls: list[tuple] = []
        self.actions = {a: lambda *args, a=a: self.calls.append((a, *args)) for a in (START, STOP, MARK)}


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def peer(make_rig: Callable[..., Rig], recorder: Recorder) -> Peer:
    peer = make_rig(actions=recorder.actions).peer()
    peer.send(message("/rtrave/hello"))
    return peer


@pytest.mark.parametrize(
    ("address", "types", "arguments", "call"),
    [
        (START, "", (), (START,)),
        (START, "s", ("take_1-B",), (START, "take_1-B")),
        (START, "s", ("a" * 64,), (START, "a" * 64)),
        (START, "i", (1,), (START,)),
        (STOP, "", (), (STOP,)),
        (STOP, "f", (1.0,), (STOP,)),
        (MARK, "s", ("the soft part, é",), (MARK, "the soft part, é")),
        (MARK, "", (), (MARK,)),
    ],
)
def test_called(peer: Peer, recorder: Recorder, address: str, types: str, arguments: tuple, call: tuple) -> None:
    assert peer.ask(address, types, *arguments) == []
    assert recorder.calls == [call]


@pytest.mark.parametrize(("address", "types"), [(START, "i"), (START, "f"), (STOP, "i"), (MARK, "F")])
def test_a_released_button_does_nothing(peer: Peer, recorder: Recorder, address: str, types: str) -> None:
    assert peer.ask(address, types, 0) == []
    assert recorder.calls == []


@pytest.mark.parametrize(
    ("address", "types", "arguments", "code"),
    [
        (START, "s", ("",), "bad-name"),
        (START, "s", ("a" * 65,), "bad-name"),
        (START, "s", ("a/b",), "bad-name"),
        (START, "s", ("..",), "bad-name"),
        (START, "s", ("é",), "bad-name"),
        (START, "s", ("a b",), "bad-name"),
        (START, "ss", ("a", "b"), "bad-count"),
        (START, "N", (None,), "bad-type"),
        (STOP, "s", ("now",), "bad-type"),
        (MARK, "s", ("a\nb",), "bad-name"),
        (MARK, "s", ("a" * 257,), "bad-name"),
        ("/rtrave/sync", "", (), "bad-count"),
        ("/rtrave/sync", "s", ("x",), "bad-type"),
        ("/rtrave/sync", "d", (3e9,), "out-of-range"),
        ("/rtrave/doc", "s", ("/rtrave/nosuch",), "unknown-address"),
        ("/rtrave/hello", "i", (0,), "out-of-range"),
        ("/rtrave/hello", "i", (65536,), "out-of-range"),
        ("/rtrave/hello", "ii", (9001, 16), "out-of-range"),
        ("/rtrave/hello", "iii", (9001, 1, 1), "bad-count"),
    ],
)
def test_refused(peer: Peer, recorder: Recorder, address: str, types: str, arguments: tuple, code: str) -> None:
    ((kind, about, got, *_),) = peer.ask(address, types, *arguments)
    assert (kind, about, got) == ("/rtrave/error", address, code)
    assert recorder.calls == []


def test_own_answers(peer: Peer) -> None:
    assert peer.ask("/rtrave/ping") == [("/rtrave/pong",)]
    assert peer.ask("/rtrave/sync", "i", -7) == [("/rtrave/synced", -7)]
    assert peer.ask("/rtrave/doc", "s", "/rtrave/out/gain") == [
        ("/rtrave/doc", "/rtrave/out/gain", "f", -70.0, 12.0, "dB", "output gain")
    ]


@pytest.mark.parametrize(
    ("error", "code", "faults"),
    [
        (ControlError("busy", "a take is running"), "busy", 0),
        (RtraveError("the disk is full"), "denied", 0),
        (KeyError("oops"), "busy", 1),
    ],
)
def test_a_failing_action_is_reported_and_the_server_continues(
    make_rig: Callable[..., Rig], error: Exception, code: str, faults: int
) -> None:
    def fail(*_: object) -> None:
        raise error

    rig = make_rig(actions={START: fail})
    peer = rig.peer()
    peer.send(message("/rtrave/hello"))
    ((kind, about, got, _, text),) = peer.ask(START)
    assert (kind, about, got) == ("/rtrave/error", START, code)
    assert faults or text == str(error)
    assert rig.server.counts.faults == faults and bool(rig.server.counts.last_fault) == bool(faults)
    assert adds_up(rig.server)
    assert peer.ask("/rtrave/ping") == [("/rtrave/pong",)]


def test_without_a_recorder_recording_is_denied(rig: Rig) -> None:
    peer = rig.peer()
    peer.send(message("/rtrave/hello"))
    assert peer.ask(STOP)[0][2] == "denied"
