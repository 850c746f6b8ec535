"""Names of built-in devices, and levels that stay at the top, warn of feedback; other names and levels do not."""

import pytest

from rtrave.player.feedback_watch import FeedbackWatch, built_in_loop
from tests.player.devices import card


@pytest.mark.parametrize(
    ("source", "sink", "api", "warned"),
    [
        ("MacBook Pro Microphone", "MacBook Pro Speakers", "Core Audio", True),
        ("Built-in Microphone", "Built-in Output", "Core Audio", True),
        ("HDA Intel PCH: ALC257 Analog (hw:0,0)", "HDA Intel PCH: ALC257 Analog (hw:0,0)", "ALSA", True),
        ("Microphone Array (Realtek(R) Audio)", "Speakers (Realtek(R) Audio)", "Windows WASAPI", True),
        ("Microphone Array (Realtek(R) Audio)", "Headphones (Realtek(R) Audio)", "Windows WASAPI", False),
        ("Scarlett 2i2 USB", "MacBook Pro Speakers", "Core Audio", False),
        ("MacBook Pro Microphone", "Scarlett 2i2 USB", "Core Audio", False),
        ("system", "system", "JACK Audio Connection Kit", False),
        ("null: built-in.npy", "built-in", "null", False),
    ],
)
def test_by_name(source, sink, api, warned):
    assert bool(built_in_loop(card(input=source, output=sink, host_api=api))) == warned


def test_by_levels_once_each_time():
    watch, warnings = FeedbackWatch(), []
    for k in range(200):
        level = -30.0 if 80 <= k < 100 else -0.5
        warnings.append(bool(watch.look(level, -0.1, 0.05 * k)))
    assert [k for k, now in enumerate(warnings) if now] == [40, 140]


def test_a_loud_output_of_a_soft_input_is_none():
    watch = FeedbackWatch()
    assert not any(watch.look(-12.0, -0.1, 0.05 * k) for k in range(400))
