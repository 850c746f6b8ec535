"""`--set ADDRESS=VALUE` goes through the same rules as a message."""

import pytest

from rtrave.control.arguments import parse_setting
from rtrave.control.namespace import Controls
from rtrave.control.vector import make_layout
from rtrave.errors import ControlError


@pytest.mark.parametrize(
    ("setting", "address", "stored"),
    [
        ("/rtrave/mix=0.5", "/rtrave/mix", (0.5,)),
        ("/rtrave/space=full", "/rtrave/space", ("full",)),
        ("/rtrave/latents/bias=1, -2,3e0", "/rtrave/latents/bias", (1.0, -2.0, 3.0)),
        ("/rtrave/latent/{0,2}/mute=1", "/rtrave/latents/mute", (1, 0, 1)),
        ("/rtrave/norm/mix=.25", "/rtrave/mix", (0.25,)),
    ],
)
def test_set(setting: str, address: str, stored: tuple[object, ...]) -> None:
    controls = Controls(make_layout(3))
    controls.set(*parse_setting(setting))
    assert controls.get(address) == stored


@pytest.mark.parametrize(
    ("setting", "code"),
    [
        ("/rtrave/mix", "bad-type"),
        ("mix=1", "bad-type"),
        ("/rtrave/mix=", "bad-type"),
        ("", "bad-type"),
        ("/rtrave/nosuch=1", "unknown-address"),
        ("/rtrave/mix=nan", "not-finite"),
        ("/rtrave/mix=a=b", "bad-type"),
    ],
)
def test_refused(setting: str, code: str) -> None:
    with pytest.raises(ControlError) as caught:
        Controls(make_layout(3)).set(*parse_setting(setting))
    assert caught.value.code == code and "\n" not in str(caught.value)
