"""The word for a component names the most audible change of the sound."""

import math

import numpy as np
import pytest

from rtrave.train.components import CHANGES, MIXED, sound_features, word_for
from tests.train.tones import tone

UNCHANGED = dict.fromkeys(CHANGES, 0.0)


def change(before, after):
    one, other = (sound_features(x, 44100) for x in (before, after))
    return {name: other[name] - one[name] for name in CHANGES}


def noise(seed, samples):
    return np.random.default_rng(seed).standard_normal(samples) / 10


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        (lambda x: 4 * x, "louder"),
        (lambda x: x / 4, "softer"),
        (lambda x: tone(330 * 2 ** (2 / 12), seconds=1.2) / 8, "higher"),
        (lambda x: tone(330 * 2 ** (-2 / 12), seconds=1.2) / 8, "lower"),
        (lambda x: x + noise(0, len(x)) / 30, "noisier"),
        (lambda x: x, MIXED),
    ],
)
def test_an_audible_change_has_its_word(after, expected):
    x = tone(330, seconds=1.2) / 8
    assert word_for([change(x, after(x))]) == expected


def test_brighter_is_more_power_high_up():
    low, high = (
        tone(220, seconds=1.2, partials=1) / 8 + gain * tone(1760, seconds=1.2, partials=1) for gain in (0.01, 0.1)
    )
    assert word_for([change(low, high)]) == "brighter"
    assert word_for([change(high, low)]) == "darker"


def test_changes_in_both_directions_are_mixed():
    assert word_for([UNCHANGED | {"level_db": 20.0}, UNCHANGED | {"level_db": -20.0}]) == MIXED


def test_a_pitch_in_few_excerpts_does_not_count():
    seldom = [UNCHANGED | {"pitch_octaves": 1.0}, *[UNCHANGED | {"pitch_octaves": math.nan}] * 3]
    assert word_for(seldom) == MIXED


@pytest.mark.parametrize("samples", [1, 17, 2047, 2049])
def test_features_of_any_length_are_finite(samples):
    features = sound_features(noise(2, samples), 44100)
    assert all(math.isfinite(value) for name, value in features.items() if name != "pitch_octaves")
    assert all(
        math.isfinite(value)
        for value in (sound_features(np.zeros(samples), 44100)[n] for n in ("level_db", "noise_db"))
    )
