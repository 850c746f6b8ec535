"""Errors of attacks and treble on sounds whose errors are known."""

import numpy as np
import pytest

from rtrave.train.loudness import attack_error_db, treble_error_db

RATE = 44100


def noise(seconds=1.0):
    return np.random.default_rng(0).standard_normal(int(seconds * RATE)).astype(np.float32) / 10


def notes(rise_s, floor_db=-40.0):
    """Three notes a second, each of which rises from the floor to full level over `rise_s`."""
    envelope = np.full(3 * RATE, 10 ** (floor_db / 20))
    for start in range(4410, 3 * RATE, RATE // 3):
        rise = int(rise_s * RATE)
        envelope[start : start + 9000] = np.concatenate((np.geomspace(envelope[0], 1, rise), np.ones(9000 - rise)))
    return (noise(3) * envelope).astype(np.float32)


def test_unchanged_and_shifted_attacks():
    sharp = notes(0.005)
    assert attack_error_db(sharp, sharp, RATE) == 0
    assert attack_error_db(sharp, np.roll(sharp, 600), RATE) == pytest.approx(0, abs=3)


def test_smeared_attacks_are_weaker():
    errors = [attack_error_db(notes(0.005), notes(rise_s), RATE) for rise_s in (0.005, 0.06, 0.12)]
    assert errors[0] > errors[1] + 5 > errors[2] + 8 and errors[2] > -35


def test_lost_attacks():
    sharp = notes(0.005, floor_db=-20)
    assert attack_error_db(sharp, np.zeros_like(sharp), RATE) == pytest.approx(-20, abs=2)
    assert attack_error_db(noise(), notes(0.005)[:RATE], RATE) is None


def test_a_rise_below_the_quietest_level_is_no_attack():
    assert attack_error_db(notes(0.005) / 1000, notes(0.005), RATE) is None


@pytest.mark.parametrize("length", [RATE, RATE + 1, 2 * RATE - 17])
def test_treble_error_is_the_gain_above_6_khz(length):
    low, high = np.sin(0.05 * np.arange(length)), np.sin(1.5 * np.arange(length))  # 350 Hz, 10.5 kHz
    error_db = treble_error_db(low + high, 0.1 * low + high / 2, RATE)
    assert error_db == pytest.approx(-6.02, abs=0.1)


def test_treble_of_silence_is_a_finite_number():
    silence = np.zeros(RATE, np.float32)
    assert treble_error_db(silence, silence, RATE) == 0
    assert -140 < treble_error_db(noise(), silence, RATE) < -60
