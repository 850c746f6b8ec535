"""A device that was lost is requested by its label, never by the number that another one may have now."""

from dataclasses import replace

import pytest

from rtrave.ipc.options import SoundCard
from rtrave.player.supervisor import same_device
from tests.player.devices import CARD, NULL_DEVICE

FOUND = ("Mic, ALSA", 7)  # another output has the same label


@pytest.mark.parametrize(
    ("requested", "again"),
    [
        (SoundCard(3, 7), SoundCard("Mic, ALSA", 7)),
        (SoundCard(), SoundCard("Mic, ALSA", 7)),
        (SoundCard("Scarlett", "Scarlett"), SoundCard("Scarlett", "Scarlett")),
    ],
)
def test_by_label(requested, again):
    facts = replace(CARD, ports=replace(CARD.ports, found_by=FOUND))
    assert same_device(requested, facts) == again


def test_the_null_device_is_itself():
    assert same_device(SoundCard(1, 2), NULL_DEVICE) == SoundCard(1, 2)
