"""The arguments that a control takes, and the codes of those that it refuses; a refusal changes nothing."""

import math

import numpy as np
import pytest

from rtrave.control.namespace import Controls
from rtrave.control.vector import make_layout
from rtrave.errors import ControlError

S0 = "/rtrave/latent/0/scale"


@pytest.fixture
def controls() -> Controls:
    return Controls(make_layout(3))


@pytest.mark.parametrize(
    ("address", "argument", "stored"),
    [
        (S0, 2, 2),
        (S0, 2.5, 2.5),
        (S0, True, 1),
        (S0, False, 0),
        (S0, "2.5", 2.5),
        (S0, "-1e-1", -0.1),
        (S0, 2**40, 5),
        (S0, 7.0, 5),
        (S0, -1e308, -5),
        ("/rtrave/latent/1/bias", 4.0, 4.0),
        ("/rtrave/latent/1/bias", 11.0, 10.0),
        ("/rtrave/latent/1/bias", -11, -10),
        ("/rtrave/latent/2/mute", 1, 1),
        ("/rtrave/latent/2/mute", 1.0, 1),
        ("/rtrave/latent/2/mute", True, 1),
        ("/rtrave/latent/2/mute", "1", 1),
        ("/rtrave/freeze", False, 0),
        ("/rtrave/out/gain", -100, -70),
        ("/rtrave/space", "full", "full"),
        ("/rtrave/space", "compressed", "compressed"),
    ],
)
def test_taken(controls: Controls, address: str, argument: object, stored: float | str) -> None:
    controls.set(address, (argument,))
    assert controls.get(address) == (stored,)


@pytest.mark.parametrize(
    ("address", "arguments", "code"),
    [
        (S0, (), "bad-count"),
        (S0, (1, 2), "bad-count"),
        (S0, (1, 2, 3), "bad-count"),
        (S0, ("loud",), "bad-type"),
        (S0, (None,), "bad-type"),
        (S0, (b"1",), "bad-type"),
        (S0, ((1, 2),), "bad-type"),
        (S0, ("",), "bad-type"),
        (S0, ("1_0",), "bad-type"),
        (S0, ("\uff11",), "bad-type"),
        (S0, ("1" * 65,), "bad-type"),
        (S0, (math.nan,), "not-finite"),
        (S0, (math.inf,), "not-finite"),
        (S0, (-math.inf,), "not-finite"),
        (S0, ("nan",), "not-finite"),
        (S0, ("1e999",), "not-finite"),
        (S0, ("-inf",), "not-finite"),
        ("/rtrave/freeze", (2,), "out-of-range"),
        ("/rtrave/freeze", (-1,), "out-of-range"),
        ("/rtrave/freeze", (0.5,), "bad-type"),
        ("/rtrave/freeze", ("on",), "bad-type"),
        ("/rtrave/space", ("half",), "out-of-range"),
        ("/rtrave/space", (1,), "bad-type"),
        ("/rtrave/latent/3/scale", (1,), "unknown-address"),
        ("/rtrave/latent/00/scale", (1,), "unknown-address"),
        ("/rtrave", (1,), "unknown-address"),
        ("", (1,), "unknown-address"),
        ("/rtrave/norm/space", (1,), "unknown-address"),
        ("/rtrave/norm/freeze", (1,), "unknown-address"),
        ("/rtrave/norm/mix", (math.nan,), "not-finite"),
        ("/rtrave/model/name", ("x",), "denied"),
        ("/rtrave/latent/0/in", (1,), "denied"),
        ("/rtrave/record/start", (), "denied"),
        ("/rtrave/pong", (), "unknown-address"),
        ("/rtrave/latents/scale", (1, 2), "bad-count"),
        ("/rtrave/latents/scale", (1, 2, 3, 4), "bad-count"),
        ("/rtrave/latents/scale", (), "bad-count"),
        ("/rtrave/latents/scale", (1, math.nan, 3), "not-finite"),
        ("/rtrave/latents/mute", (0, 1, 2), "out-of-range"),
        ("/rtrave/latents/bias", (2, 2, "x"), "bad-type"),
        ("/rtrave/latent/*/scale", (1, 2, 3), "bad-count"),
        ("/rtrave/{mix,freeze}", (0.5,), "bad-type"),
        ("/rtrave/latent/*/{in,out}", (1,), "denied"),
        ("/rtrave/nothing*", (1,), "unknown-address"),
        ("/rtrave/latent/[0/scale", (1,), "bad-name"),
        ("/rtrave/pan*", (1,), "denied"),
        ("/rtrave/panic", ("x",), "bad-type"),
        ("/rtrave/panic", (1, 1), "bad-count"),
        ("/rtrave/panic", (math.nan,), "not-finite"),
        ("/rtrave/latents/reset", (1, 1), "bad-count"),
    ],
)
def test_refused_and_nothing_changed(
    controls: Controls, address: str, arguments: tuple[object, ...], code: str
) -> None:
    controls.values[:] = np.arange(controls.layout.size) / 100
    before = controls.values.copy()
    with pytest.raises(ControlError) as caught:
        controls.set(address, arguments)
    assert caught.value.code == code
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 200
    np.testing.assert_array_equal(controls.values, before)


def test_the_argument_at_fault_is_named(controls: Controls) -> None:
    with pytest.raises(ControlError) as caught:
        controls.set("/rtrave/latents/bias", (0, 0, "x"))
    assert caught.value.argument == 2


def test_setting_every_control_to_its_default_changes_nothing(controls: Controls) -> None:
    defaults = controls.values.copy()
    for address in controls.layout.addresses:
        if controls.has_value(address):
            controls.set(address, controls.get(address))
    np.testing.assert_array_equal(controls.values, defaults)
