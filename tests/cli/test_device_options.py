"""The command line parses the options of the device."""

import argparse

import pytest

from rtrave.cli.device_options import host_setting, latency
from rtrave.cli.options import sums


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("exclusive=true", ("exclusive", True)),
        ("auto_convert=false", ("auto_convert", False)),
        ("channel_selectors=2,3", ("channel_selectors", (2, 3))),
        ("channel_map=1", ("channel_map", (1,))),
        ("conversion_quality=max", ("conversion_quality", "max")),
    ],
)
def test_host_settings(text, value):
    assert host_setting(text) == value


@pytest.mark.parametrize(("text", "value"), [("low", "low"), ("high", "high"), ("12", 0.012), ("0.5", 0.0005)])
def test_latency(text, value):
    assert latency(text) == value


@pytest.mark.parametrize(
    ("text", "value"), [("1", [[0]]), ("1,2", [[0], [1]]), ("1+2", [[0, 1]]), ("1+3,2", [[0, 2], [1]])]
)
def test_sums_of_channels(text, value):
    assert sums(text) == value


@pytest.mark.parametrize(
    ("read", "text"),
    [(host_setting, "exclusive"), (host_setting, "=1"), (host_setting, "a="), (latency, "quick"), (latency, "-1"),
     (latency, "5000"), (latency, "nan"), (sums, "0"), (sums, "1+"), (sums, "a")],
)  # fmt: skip
def test_what_does_not_fit_is_refused(read, text):
    with pytest.raises(argparse.ArgumentTypeError):
        read(text)
