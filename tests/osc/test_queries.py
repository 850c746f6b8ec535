"""A message without arguments asks for a value; the reply has the types of the table."""

from collections.abc import Callable

import pytest

from tests.osc.rig import Peer, Rig, message

READERS = {
    "/rtrave/latent/<n>/in": lambda: (0.5, 1.5, 2.5, 3.5),
    "/rtrave/z/out": lambda: (4.0, 5.0, 6.0, 7.0),
    "/rtrave/model/name": lambda: ("strings",),
    "/rtrave/model/dims": lambda: (4,),
    "/rtrave/record/state": lambda: (1, "20300101-000000-take", 2.5),
    "/rtrave/status": lambda: (3, 0.25, 92.5, 60),
    "/rtrave/version": lambda: ("0.1.0",),
}


@pytest.fixture
def peer(make_rig: Callable[..., Rig]) -> Peer:
    peer = make_rig(readers=READERS).peer()
    peer.send(message("/rtrave/hello"))
    return peer


@pytest.mark.parametrize(
    ("address", "answer"),
    [
        ("/rtrave/mix", (1.0,)),
        ("/rtrave/norm/in/gain", (pytest.approx(70 / 82),)),
        ("/rtrave/space", ("compressed",)),
        ("/rtrave/out/limit", (1,)),
        ("/rtrave/latent/3/scale", (1.0,)),
        ("/rtrave/latents/bias", (0.0,) * 4),
        ("/rtrave/latent/2/in", (2.5,)),
        ("/rtrave/z/out", (4.0, 5.0, 6.0, 7.0)),
        ("/rtrave/model/name", ("strings",)),
        ("/rtrave/model/dims", (4,)),
        ("/rtrave/record/state", (1, "20300101-000000-take", 2.5)),
        ("/rtrave/status", (3, 0.25, 92.5, 60)),
        ("/rtrave/version", ("0.1.0",)),
    ],
)
def test_answered(peer: Peer, address: str, answer: tuple) -> None:
    assert peer.ask(address) == [(address, *answer)]


def test_a_pattern_asks_for_all_readable_values(peer: Peer) -> None:
    assert peer.ask("/rtrave/latent/[12]/{in,out,mute}") == [
        ("/rtrave/latent/1/mute", 0),
        ("/rtrave/latent/1/in", 1.5),
        ("/rtrave/latent/2/mute", 0),
        ("/rtrave/latent/2/in", 2.5),
    ]


@pytest.mark.parametrize(
    ("address", "types", "arguments", "code"),
    [
        ("/rtrave/meter", "", (), "denied"),
        ("/rtrave/latent/0/out", "", (), "denied"),
        ("/rtrave/latent/4/in", "", (), "unknown-address"),
        ("/rtrave/nosuch", "", (), "unknown-address"),
        ("/rtrave/nos*", "", (), "unknown-address"),
        ("/rtrave/record/*", "f", (1.0,), "denied"),
        ("/rtrave/{ping,bye}", "", (), "denied"),
        ("/rtrave/model/name", "s", ("other",), "denied"),
        ("/rtrave/error", "", (), "unknown-address"),
    ],
)
def test_refused(peer: Peer, address: str, types: str, arguments: tuple, code: str) -> None:
    ((kind, about, got, *_),) = peer.ask(address, types, *arguments)
    assert (kind, about, got) == ("/rtrave/error", address, code)


def test_questions_change_and_publish_nothing(make_rig: Callable[..., Rig]) -> None:
    rig = make_rig(readers=READERS)
    before = rig.controls.values.copy()
    rig.peer().send(message("/rtrave/*"), message("/rtrave/mix"), message("/rtrave/latent/*/*"))
    assert (rig.controls.values == before).all() and rig.published == []


def test_an_unknown_reader_is_an_error_of_the_caller(make_rig: Callable[..., Rig]) -> None:
    with pytest.raises(ValueError, match="/rtrave/nosuch"):
        make_rig(readers={"/rtrave/nosuch": lambda: (1,)})
