"""The table is consistent with itself: one row per address, defaults inside ranges, types that OSC has."""

import math

from rtrave.control.parameter import Access, ParameterKind
from rtrave.control.table import TABLE


def test_addresses_are_unique() -> None:
    addresses = [p.address for p in TABLE]
    assert len(set(addresses)) == len(addresses)


def test_no_address_is_the_folder_of_another() -> None:
    addresses = {p.address for p in TABLE}
    assert not [a for a in addresses for b in addresses if b.startswith(a + "/")]


def test_defaults_lie_in_the_soft_range_and_the_soft_in_the_hard_range() -> None:
    for p in TABLE:
        assert p.hard_low <= p.low <= p.default <= p.high <= p.hard_high, p.address


def test_types_and_access() -> None:
    for p in TABLE:
        assert set(p.type) <= set("ifs"), p.address
        assert isinstance(p.access, Access) and isinstance(p.kind, ParameterKind), p.address
        if p.kind in (ParameterKind.READ, ParameterKind.REPLY, ParameterKind.HIDDEN):
            assert p.access is Access.READ, p.address
        assert p.description and "\n" not in p.description
        assert bool(p.choices) == (p.kind is ParameterKind.CONTROL and p.type == "s"), p.address


def test_ranges_are_those_of_the_published_table() -> None:
    rows = {p.address.removeprefix("/rtrave/"): p for p in TABLE}

    def numbers(key: str) -> tuple[float, ...]:
        p = rows[key]
        return p.default, p.low, p.high, p.hard_low, p.hard_high

    assert numbers("latent/<n>/scale") == (1, -5, 5, -5, 5)
    assert numbers("latent/<n>/bias") == numbers("latent/<n>/value") == (0, -3, 3, -10, 10)
    assert numbers("latent/<n>/override") == (0, 0, 1, 0, 1)
    assert numbers("latent/<n>/noise") == (0, 0, 3, 0, 3)
    assert numbers("latent/<n>/smooth") == (0, 0, 5000, 0, 5000)
    assert numbers("latent/<n>/lfo/rate") == (1, 0, 10, 0, 10)
    assert numbers("latent/<n>/lfo/depth") == (0, -3, 3, -3, 3)
    assert numbers("latent/<n>/lfo/phase") == (0, -180, 180, -180, 180)
    assert numbers("z/in") == (0, -3, 3, -10, 10)
    assert numbers("z/timeout") == (0.5, 0.05, 10, 0.05, 10)
    assert numbers("temperature") == numbers("noise") == (0, 0, 3, 0, 3)
    assert numbers("fill") == numbers("fidelity") == (1, 0, 1, 0, 1)
    assert (
        numbers("source/mix")
        == numbers("z/mix")
        == numbers("morph/pos")
        == numbers("trajectory/amount")
        == (0, 0, 1, 0, 1)
    )
    assert numbers("trajectory/speed") == (1, -4, 4, -4, 4)
    assert rows["latent/<n>/lfo/shape"].choices == ("off", "sin", "tri", "saw", "square", "random")
    assert rows["source/mode"].choices == ("morph", "interleave")
    assert rows["trajectory/shape"].choices == ("recorded", "spherical")
    assert numbers("mix") == (1, 0, 1, 0, 1)
    assert numbers("in/gain") == numbers("out/gain") == (0, -70, 12, -70, 12)
    assert numbers("out/limit") == (1, 0, 1, 0, 1)
    assert rows["space"].choices == ("compressed", "full")
    assert math.isinf(rows["panic"].hard_high)


def test_each_latent_control_has_its_vector_form() -> None:
    single = {p.address.replace("latent/<n>", "latents"): p for p in TABLE if "latent/<n>" in p.address}
    vectors = {p.address: p for p in TABLE if p.kind is ParameterKind.VECTOR and p.address != "/rtrave/z/in"}
    forms = ("scale", "bias", "value", "override", "mute", "noise", "smooth")
    assert vectors.keys() == {f"/rtrave/latents/{form}" for form in forms}
    for address, p in vectors.items():
        one = single[address]
        assert (p.type, p.default, p.hard_low, p.hard_high) == (
            one.type,
            one.default,
            one.hard_low,
            one.hard_high,
        )
