"""The vector's layout is complete, and `apply` undoes `diff`."""

import numpy as np
import pytest

from rtrave.control.parameter import ParameterKind
from rtrave.control.table import TABLE
from rtrave.control.vector import make_layout
from rtrave.errors import RtraveError


@pytest.mark.parametrize("dims", [1, 7, 128])
def test_slots_cover_the_vector_once(dims: int) -> None:
    layout = make_layout(dims)
    covered = [k for where in layout.slots.values() for k in range(where.start, where.stop)]
    assert covered == list(range(layout.size))
    assert len(layout.addresses) == layout.size == 13 * dims + 35
    assert layout.addresses[layout.slots["latent/scale"]][-1] == f"/rtrave/latent/{dims - 1}/scale"
    assert layout.addresses[layout.slots["mix"].start] == "/rtrave/mix"


def test_the_range_of_dims_is_that_of_the_model() -> None:
    layout = make_layout(5)
    dims = layout.parameters[layout.index["/rtrave/dims"]]
    assert (dims.default, dims.low, dims.high, dims.hard_high) == (5, 1, 5, 5)
    assert layout.defaults()[layout.slots["dims"]] == 5


def test_the_default_seed_is_that_of_the_layout() -> None:
    layout = make_layout(2, seed=7)
    assert layout.defaults()[layout.slots["seed"]] == 7


def test_defaults_are_those_of_the_table() -> None:
    layout = make_layout(5)
    values = layout.defaults()
    assert values.dtype == np.float64
    for p in TABLE:
        if p.kind is ParameterKind.CONTROL and p.address != "/rtrave/dims":
            key = p.address.removeprefix("/rtrave/").replace("<n>/", "")
            np.testing.assert_array_equal(values[layout.slots[key]], p.default)


@pytest.mark.parametrize("seed", range(5))
def test_apply_is_the_inverse_of_diff(seed: int) -> None:
    rng = np.random.default_rng(seed)
    layout = make_layout(int(rng.integers(1, 33)))
    old = rng.normal(size=layout.size)
    new = np.where(rng.random(layout.size) < 0.3, rng.normal(size=layout.size), old)
    for slot, p in enumerate(layout.parameters):
        if p.choices:
            old[slot], new[slot] = rng.integers(0, len(p.choices), 2)
    old[layout.slots["space"]], new[layout.slots["space"]] = 0.0, 1.0
    changes = layout.diff(old, new)
    assert changes["/rtrave/space"] == "full"
    layout.apply(old, changes)
    np.testing.assert_array_equal(old, new)
    assert layout.diff(old, new) == {}


@pytest.mark.parametrize(
    "bad",
    [
        {"/rtrave/latent/4/scale": 1.0},
        {"/rtrave/space": "half"},
        {"/rtrave/mix": "loud"},
        {"/rtrave/mix": float("nan")},
        {"/rtrave/latents/scale": 1.0},
    ],
)
def test_a_bad_change_applies_nothing(bad: dict[str, float | str]) -> None:
    layout = make_layout(4)
    values = layout.defaults()
    with pytest.raises(RtraveError) as caught:
        layout.apply(values, {"/rtrave/mix": 0.25} | bad if "/rtrave/mix" not in bad else {"/rtrave/freeze": 1.0} | bad)
    assert "\n" not in str(caught.value)
    np.testing.assert_array_equal(values, layout.defaults())


def test_an_effect_has_no_latent_controls() -> None:
    layout = make_layout(0)
    assert layout.slots["latent/scale"] == slice(0, 0)
    assert not any("/latent/" in address for address in layout.addresses)
    assert "/rtrave/mix" in layout.addresses


def test_a_negative_number_of_dimensions_is_refused() -> None:
    with pytest.raises(RtraveError):
        make_layout(-1)
