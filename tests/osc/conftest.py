"""Fixtures of a rig and its peers."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.osc.rig import Peer, Rig


@pytest.fixture
def make_rig() -> Iterator[Callable[..., Rig]]:
    made: list[Rig] = []

    def make(**options: object) -> Rig:
        made.append(Rig(**options))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for rig in made:
        rig.close()


@pytest.fixture
def rig(make_rig: Callable[..., Rig]) -> Rig:
    return make_rig()


@pytest.fixture
def peer(rig: Rig) -> Peer:
    """A peer that has said hello."""
    peer = rig.peer()
    peer.send(b"/rtrave/hello\0\0\0")
    return peer
