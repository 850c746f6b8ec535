"""`rtrave devices` shows each device on one line and names the default; its JSON has the same content."""

import json
from dataclasses import asdict

import pytest

from rtrave.audio.device import DeviceInfo
from rtrave.cli import devices, main

CARD = DeviceInfo(3, "Scarlett 2i2 USB: Audio (hw:1,0)", "ALSA", 2, 2, 44100.0, 0.0087, 0.0087, 0.035, 0.035)
SPEAKER = DeviceInfo(11, "Built-in Output", "Core Audio", 0, 2, 48000.0, 0.01, 0.1005, 0.1, 0.1)


@pytest.fixture
def with_devices(monkeypatch):
    def put(*found, default=None):
        monkeypatch.setattr(devices, "list_devices", lambda: found)
        monkeypatch.setattr(devices, "pick_default", lambda: default)

    return put


def test_one_line_each_and_the_default(with_devices, capsys):
    with_devices(CARD, SPEAKER, default=(CARD, SPEAKER))
    assert main(["devices"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        "  3    2 in   2 out   44100 Hz    8.7 +   8.7 ms  Scarlett 2i2 USB: Audio (hw:1,0), ALSA",
        " 11    0 in   2 out   48000 Hz   10.0 + 100.5 ms  Built-in Output, Core Audio",
        "default: 3 in, 11 out",
    ]


def test_no_default_is_not_made_up(with_devices, capsys):
    with_devices(SPEAKER)
    assert main(["devices"]) == 0
    assert "default" not in capsys.readouterr().out


def test_without_devices_it_names_the_null_device(with_devices, capsys):
    with_devices()
    assert main(["devices"]) == 0
    assert "null device" in capsys.readouterr().out
    assert main(["devices", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == []


def test_json_holds_everything(with_devices, capsys):
    with_devices(CARD, SPEAKER, default=(CARD, SPEAKER))
    assert main(["devices", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == [asdict(CARD), asdict(SPEAKER)]
