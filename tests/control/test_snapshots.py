"""Snapshots, morphs between two and between four, and fidelity."""

import numpy as np
import pytest

from rtrave.control.instrument import MAX_SNAPSHOTS, Instrument
from rtrave.control.namespace import Controls
from rtrave.control.vector import make_layout
from rtrave.errors import ControlError

BIAS, MUTE, MIX = "/rtrave/latent/0/bias", "/rtrave/latent/1/mute", "/rtrave/mix"


@pytest.fixture
def instrument() -> Instrument:
    made = Instrument(Controls(make_layout(4)), (0.5, 0.8, 0.95, 1.0))
    made.store("plain")
    made.controls.set(BIAS, (2.0,))
    made.controls.set(MUTE, (1,))
    made.controls.set("/rtrave/dims", (2,))
    made.store("moved")
    return made


def get(instrument: Instrument, address: str) -> object:
    return instrument.controls.get(address)[0]


def test_recall_restores_every_control(instrument: Instrument) -> None:
    instrument.recall("plain")
    assert (get(instrument, BIAS), get(instrument, MUTE), get(instrument, "/rtrave/dims")) == (0.0, 0, 4)
    instrument.recall("moved", 2.5)
    slots, values = instrument.controls.layout.slots, instrument.controls.values
    assert (get(instrument, BIAS), get(instrument, MUTE), get(instrument, "/rtrave/dims")) == (2.0, 1, 2)
    assert values[slots["glide/time"]] == 2.5 and values[slots["glide/count"]] == 2


@pytest.mark.parametrize("address", ["/rtrave/silence", "/rtrave/trajectory/play", "/rtrave/source/mix"])
def test_controls_that_are_not_persisted_stay(instrument: Instrument, address: str) -> None:
    instrument.controls.set(address, (1,))
    instrument.recall("plain")
    assert get(instrument, address) == 1


def test_the_list_and_deleting(instrument: Instrument) -> None:
    assert instrument.names() == ("plain", "moved")
    instrument.delete("plain")
    assert instrument.names() == ("moved",)
    with pytest.raises(ControlError) as caught:
        instrument.recall("plain")
    assert caught.value.code == "bad-name" and "moved" in str(caught.value)


@pytest.mark.parametrize("name", ["", " ", "a\nb", "x" * 65, "\x00", " a", "a\u202eb"])
def test_bad_names(instrument: Instrument, name: str) -> None:
    with pytest.raises(ControlError) as caught:
        instrument.store(name)
    assert caught.value.code == "bad-name" and len(instrument.names()) == 2


def test_their_number_is_limited(instrument: Instrument) -> None:
    for k in range(MAX_SNAPSHOTS - 2):
        instrument.store(f"{k}")
    with pytest.raises(ControlError) as caught:
        instrument.store("one more")
    assert caught.value.code == "busy"
    instrument.store("plain")  # a known one can be stored again


def test_a_morph_at_its_ends_and_middle(instrument: Instrument) -> None:
    controls = instrument.controls
    controls.set("/rtrave/morph/a", ("plain",))
    controls.set("/rtrave/morph/b", ("moved",))
    states = []
    for position in (0.0, 0.25, 0.5, 1.0):
        controls.set("/rtrave/morph/pos", (position,))
        states.append([get(instrument, a) for a in (BIAS, MUTE, "/rtrave/dims")])
    assert states == [[0.0, 0, 4], [0.5, 0, 4], [1.0, 0, 3], [2.0, 1, 2]]
    assert get(instrument, "/rtrave/morph/pos") == 1.0
    controls.set("/rtrave/norm/morph/pos", (0.5,))
    assert get(instrument, BIAS) == 1.0


def test_four_corners_are_bilinear(instrument: Instrument) -> None:
    controls = instrument.controls
    for name, bias in (("c", -1.0), ("d", 3.0)):
        controls.set(BIAS, (bias,))
        instrument.store(name)
    controls.set("/rtrave/morph/corners", ("plain", "moved", "c", "d"))
    for (x, y), bias in {(0, 0): 0, (1, 0): 2, (0, 1): -1, (1, 1): 3, (0.5, 0.5): 1, (0.25, 1): 0}.items():
        controls.set("/rtrave/morph/xy", (x, y))
        assert get(instrument, BIAS) == pytest.approx(bias)


def test_a_morph_between_nothing_is_refused(instrument: Instrument) -> None:
    before = instrument.controls.values.copy()
    for address, values, code in [
        ("/rtrave/morph/pos", (0.5,), "denied"),
        ("/rtrave/morph/xy", (0.5, 0.5), "denied"),
        ("/rtrave/morph/a", ("nobody",), "bad-name"),
        ("/rtrave/morph/corners", ("plain", "plain", "plain", "nobody"), "bad-name"),
        ("/rtrave/morph/xy", (0.5,), "bad-count"),
    ]:
        with pytest.raises(ControlError) as caught:
            instrument.controls.set(address, values)
        assert caught.value.code == code, address
    assert np.array_equal(instrument.controls.values, before)


@pytest.mark.parametrize(
    ("fidelity", "dims"), [(0, 1), (0.5, 1), (0.51, 2), (0.8, 2), (0.9, 3), (0.95, 3), (0.99, 4), (1, 4)]
)
def test_fidelity_sets_dims(instrument: Instrument, fidelity: float, dims: int) -> None:
    instrument.controls.set("/rtrave/fidelity", (fidelity,))
    assert get(instrument, "/rtrave/dims") == dims
    assert get(instrument, "/rtrave/fidelity") == fidelity


def test_dims_show_in_fidelity(instrument: Instrument) -> None:
    for dims, fidelity in [(1, 0.5), (2, 0.8), (3, 0.95), (4, 1.0)]:
        instrument.controls.set("/rtrave/dims", (dims,))
        assert get(instrument, "/rtrave/fidelity") == fidelity
        instrument.controls.set("/rtrave/fidelity", (fidelity,))
        assert get(instrument, "/rtrave/dims") == dims


def test_a_model_without_a_pca_has_no_fidelity() -> None:
    instrument = Instrument(Controls(make_layout(4)))
    assert get(instrument, "/rtrave/fidelity") == 1.0
    with pytest.raises(ControlError, match="use /rtrave/dims"):
        instrument.controls.set("/rtrave/fidelity", (0.5,))


def test_a_second_source_needs_a_chooser(instrument: Instrument) -> None:
    instrument.controls.set("/rtrave/source/b", ("off",))
    with pytest.raises(ControlError, match="no second source"):
        instrument.controls.set("/rtrave/source/b", ("clip",))
    assert get(instrument, "/rtrave/source/b") == "off"
