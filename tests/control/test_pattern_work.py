"""No pattern costs more than 80,000 steps of Python over 1,036 latent addresses and the rest.

Steps (calls, lines, returns) are counted, not timed: 80,000 take 1 to 2 ms on a laptop, whatever else it does.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import pytest

from rtrave.control.namespace import Controls
from rtrave.control.vector import make_layout
from rtrave.errors import ControlError

MOST_STEPS = 80_000

HOSTILE = [
    "/" + "*" * 22 + "~",
    "/*/*/*/*",
    "/*/*/*/*/*",
    "/rtrave/*/*/*",
    "/rtrave/latent/*/*",
    "/rtrave/latent/" + "*?" * 116 + "/*",
    "/rtrave/latent/" + "*" * 230 + "~/*",
    "/rtrave/latent/*/" + "*e" * 110,
    "/rtrave/latent/*/" + "*{,a}" * 32,
    "/rtrave/latent/" + "{,1}" * 32 + "/*",
    "/rtrave/latent/*/" + "*[a-z]" * 32,
    "/rtrave/latent/{" + ",".join(map(str, range(80))) + "}/scale",
    "/rtrave/latent/" + "*{,1,12,3,45}" * 16 + "/*",
    "/*/*/" + "[!x]*" * 16 + "/" + "*[a-z]" * 16,
    "/" * 8 + "*",
    "/rtrave/latent/*/{" + "," * 230 + "}",
]


@pytest.fixture(scope="module")
def controls() -> Controls:
    controls = Controls(make_layout(74))
    latent = [a for a in controls.parameters if a.startswith("/rtrave/latent/")]
    assert len(latent) == 74 * 14
    return controls


class TooManyStepsError(Exception):
    """More steps than allowed."""


@contextmanager
def at_most(steps: int) -> Iterator[None]:
    left, before = steps, sys.gettrace()

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal left
        left -= 1
        if left < 0:
            raise TooManyStepsError(f"more than {steps}")
        return trace

    sys.settrace(trace)
    try:
        yield
    finally:
        sys.settrace(before)


@pytest.mark.parametrize("pattern", HOSTILE)
def test_costs_little(controls: Controls, pattern: str) -> None:
    assert len(pattern) <= 255
    try:
        with at_most(MOST_STEPS):
            controls.match(pattern)
    except ControlError as error:
        assert error.code == "unknown-address", error


def test_an_expensive_match_is_detected(controls: Controls) -> None:
    with pytest.raises(TooManyStepsError), at_most(1000):
        controls.match("/rtrave/latent/*/*")
