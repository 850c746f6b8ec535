"""A device that was lost is looked for by its name and host API, never by the number that another one may have now."""

from pathlib import Path

import pytest

from rtrave.player.supervisor import Supervisor

FOUND = ["Mic, ALSA", 7]  # the output has a twin of the same name


@pytest.mark.parametrize(
    ("given", "again"),
    [
        ({"input": 3, "output": 7}, {"input": "Mic, ALSA", "output": 7}),
        ({"input": None, "output": None}, {"input": "Mic, ALSA", "output": 7}),
        ({"input": "Scarlett", "output": "Scarlett"}, {"input": "Scarlett", "output": "Scarlett"}),
    ],
)
def test_by_name(given, again):
    supervisor = Supervisor({"device": given}, None, Path(), lambda *_: None)
    supervisor.device = {"found_by": FOUND}
    assert supervisor._same_device() == again


def test_the_null_device_is_itself():
    supervisor = Supervisor({"device": {"null": "x.npy"}}, None, Path(), lambda *_: None)
    supervisor.device = {"input": "null: x.npy"}
    assert supervisor._same_device() == {"null": "x.npy"}
