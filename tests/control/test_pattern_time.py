"""No pattern takes longer than 2 ms over 1,036 latent addresses and the rest."""

import time

import pytest

from rtrave.control.namespace import Controls
from rtrave.control.vector import make_layout
from rtrave.errors import ControlError

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


@pytest.mark.parametrize("pattern", HOSTILE)
def test_within_2_ms(controls: Controls, pattern: str) -> None:
    assert len(pattern) <= 255
    best_s = float("inf")
    for _ in range(15):  # the best of some: the machine does other work
        start_s = time.thread_time()
        try:
            controls.match(pattern)
        except ControlError as error:
            assert error.code == "unknown-address", error
        best_s = min(best_s, time.thread_time() - start_s)
    assert best_s <= 2e-3
