"""From one model's controls to another's: equal addresses keep their values, the others get their defaults."""

import numpy as np
import pytest

from rtrave.control.instrument import Instrument
from rtrave.control.namespace import Controls
from rtrave.control.vector import carrier, make_layout
from rtrave.errors import ControlError


def at(layout, values, address):
    return values[layout.index[address]]


@pytest.mark.parametrize(("before", "after"), [(16, 4), (4, 16), (5, 5), (1, 17)])
def test_values_follow_their_address(before, after):
    old, new = make_layout(before), make_layout(after)
    values = old.defaults()
    generator = np.random.default_rng(1)
    for address, slot in old.index.items():
        if address.endswith(("/bias", "/scale")):
            values[slot] = generator.uniform(-2, 2)
    values[old.slots["mix"]] = 0.25
    carried = carrier(old, new)(values)
    for address, slot in new.index.items():
        expected = values[old.index[address]] if address in old.index else new.defaults()[slot]
        if address != "/rtrave/dims":
            assert carried[slot] == expected, address


def test_dims_stays_at_all_or_keeps_its_number():
    sixteen, four = make_layout(16), make_layout(4)
    values = sixteen.defaults()
    assert at(four, carrier(sixteen, four)(values), "/rtrave/dims") == 4
    values[sixteen.slots["dims"]] = 3
    assert at(four, carrier(sixteen, four)(values), "/rtrave/dims") == 3
    values[sixteen.slots["dims"]] = 9
    assert at(four, carrier(sixteen, four)(values), "/rtrave/dims") == 4
    back = four.defaults()
    assert at(sixteen, carrier(four, sixteen)(back), "/rtrave/dims") == 16


def test_controls_become_another_models():
    controls = Controls(make_layout(4), ("learn_source",))
    instrument = Instrument(controls, (0.5, 0.8, 0.9, 1.0))
    controls.set("/rtrave/latent/3/bias", (1.5,))
    controls.low[:] = -1.0
    instrument.store("verse")
    controls.set("/rtrave/morph/a", ("verse",))
    instrument.adopt(make_layout(2), (), (0.7, 1.0))
    assert "/rtrave/latent/3/bias" not in controls.parameters
    assert "/rtrave/attribute/learn_source" not in controls.parameters
    with pytest.raises(ControlError):
        controls.set("/rtrave/latent/3/bias", (1.0,))
    controls.set("/rtrave/latents/bias", (0.5, 0.75))
    assert controls.low[0, controls.layout.index["/rtrave/latent/0/bias"]] == -3.0
    assert controls.get("/rtrave/morph/a") == ("verse",)
    controls.set("/rtrave/fidelity", (0.7,))
    assert controls.get("/rtrave/dims") == (1,)
    instrument.recall("verse")
    assert controls.get("/rtrave/latents/bias") == (0.0, 0.0) and controls.get("/rtrave/dims") == (2,)
    instrument.adopt(make_layout(6), ("learn_source",))
    assert controls.has_value("/rtrave/attribute/learn_source") and controls.get("/rtrave/dims") == (6,)
    with pytest.raises(ControlError, match="no PCA"):
        controls.set("/rtrave/fidelity", (0.7,))
    instrument.recall("verse")
    assert len(instrument.snapshots["verse"]) == controls.layout.size
