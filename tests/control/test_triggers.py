"""Panic and reset fire without an argument or on a number that is not 0, and reset their controls."""

import numpy as np
import pytest

from rtrave.control.namespace import Controls
from rtrave.control.vector import make_layout


@pytest.fixture
def edited() -> Controls:
    controls = Controls(make_layout(5))
    for key in ("scale", "bias", "value"):
        controls.set(f"/rtrave/latents/{key}", (-2,))
    for key in ("override", "mute", "noise"):
        controls.set(f"/rtrave/latents/{key}", (1,))
    for key in ("bypass", "freeze", "silence"):
        controls.set(f"/rtrave/{key}", (1,))
    controls.set("/rtrave/mix", (0.25,))
    return controls


def latent_part(controls: Controls) -> np.ndarray:
    return controls.values[: controls.layout.slots["latent/noise"].stop]


def test_reset_touches_the_latent_edits_only(edited: Controls) -> None:
    before = edited.values.copy()
    edited.set("/rtrave/latents/reset", ())
    fresh = Controls(make_layout(5))
    np.testing.assert_array_equal(latent_part(edited), latent_part(fresh))
    np.testing.assert_array_equal(edited.values[len(latent_part(fresh)) :], before[len(latent_part(fresh)) :])


def test_panic_resets_unfreezes_and_counts_but_keeps_the_kill_switch(edited: Controls) -> None:
    edited.set("/rtrave/panic", (1,))
    np.testing.assert_array_equal(latent_part(edited), latent_part(Controls(make_layout(5))))
    assert edited.get("/rtrave/freeze") == (0,)
    assert edited.get("/rtrave/silence") == edited.get("/rtrave/bypass") == (1,)
    assert edited.get("/rtrave/mix") == (0.25,)
    assert edited.values[edited.layout.slots["panic"]] == 1.0
    edited.set("/rtrave/panic", ())
    assert edited.values[edited.layout.slots["panic"]] == 2.0


@pytest.mark.parametrize("address", ["/rtrave/panic", "/rtrave/latents/reset"])
@pytest.mark.parametrize("released", [0, 0.0, False, "0"])
def test_a_released_button_does_nothing(edited: Controls, address: str, released: object) -> None:
    before = edited.values.copy()
    edited.set(address, (released,))
    np.testing.assert_array_equal(edited.values, before)
    edited.set(address, (-0.5,))
    assert not np.array_equal(edited.values, before)
