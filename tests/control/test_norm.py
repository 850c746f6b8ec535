"""Every float answers at `/rtrave/norm/` as 0..1 over its soft range."""

import pytest

from rtrave.control.namespace import Controls
from rtrave.control.parameter import ParameterKind
from rtrave.control.vector import make_layout


def test_each_float_and_no_other_has_a_alias() -> None:
    controls = Controls(make_layout(4))
    for address, p in controls.parameters.items():
        alias = address.replace("/rtrave/", "/rtrave/norm/", 1)
        assert controls.has_value(alias) == (
            p.kind in (ParameterKind.CONTROL, ParameterKind.VECTOR, ParameterKind.MACRO) and p.type == "f"
        ), address


def test_ends_and_middle_of_every_float() -> None:
    controls = Controls(make_layout(2))
    for address, p in controls.parameters.items():
        alias = address.replace("/rtrave/", "/rtrave/norm/", 1)
        if not controls.has_value(alias):
            continue
        count = 2 if address == "/rtrave/z/in" else 1
        controls.on_macro[address] = lambda values: None
        for share in (0.0, 0.25, 0.5, 1.0):
            controls.set(alias, (share,) * count)
            assert controls.get(address) == pytest.approx(
                [p.low + share * (p.high - p.low)] * len(controls.get(address))
            )
            assert controls.get(alias) == pytest.approx([share] * len(controls.get(alias)))


def test_beyond_the_soft_range_only_the_hard_limit_clips() -> None:
    controls = Controls(make_layout(2))
    controls.set("/rtrave/norm/latent/0/bias", (1.5,))
    assert controls.get("/rtrave/latent/0/bias") == (6.0,)
    controls.set("/rtrave/norm/latent/0/bias", (1e308,))
    assert controls.get("/rtrave/latent/0/bias") == (10.0,)
    controls.set("/rtrave/norm/mix", (1.5,))
    assert controls.get("/rtrave/mix") == (1.0,)
