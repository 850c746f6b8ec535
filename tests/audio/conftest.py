"""Shared memory for tests, removed after each of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from rtrave.ipc.shared_memory import Shared
from tests.audio.fake import FakeEngine, make_shared


@pytest.fixture
def shared_for() -> Iterator[Callable[..., Shared]]:
    made: list[Shared] = []

    def make(engine: FakeEngine, **sizes: int) -> Shared:
        made.append(make_shared(engine, **sizes))
        return made[-1]

    yield make
    for shared in made:
        shared.unlink()
