"""`/rtrave/latents/*`: one number is for all dimensions, D numbers are one for each."""

import pytest

from rtrave.control.namespace import Controls
from rtrave.control.vector import make_layout


@pytest.mark.parametrize("dims", [1, 2, 17])
def test_one_for_all_and_one_for_each(dims: int) -> None:
    controls = Controls(make_layout(dims))
    controls.set("/rtrave/latents/bias", (2,))
    assert controls.get("/rtrave/latents/bias") == (2.0,) * dims
    each = tuple(float(n) / 4 for n in range(dims))
    controls.set("/rtrave/latents/bias", each)
    assert controls.get("/rtrave/latents/bias") == each
    assert [controls.get(f"/rtrave/latent/{n}/bias")[0] for n in range(dims)] == list(each)
    assert controls.get("/rtrave/latents/scale") == (1.0,) * dims


def test_numbers_of_a_vector_are_clipped_each() -> None:
    controls = Controls(make_layout(3))
    controls.set("/rtrave/latents/value", (-20, 5, 20))
    assert controls.get("/rtrave/latents/value") == (-10.0, 5.0, 10.0)


def test_switches_are_integers() -> None:
    controls = Controls(make_layout(2))
    controls.set("/rtrave/latents/mute", (0, True))
    assert controls.get("/rtrave/latents/mute") == (0, 1)
    assert isinstance(controls.get("/rtrave/latents/mute")[0], int)
