"""The gate: closed during silence, open before the model's sound arrives, free of clicks, off by default."""

import numpy as np
import pytest

from rtrave.dsp.gate import GATE_ATTACK_S, GATE_HOLD_S, GATE_RELEASE_S, Gate
from tests.engine.playing import noise, play, tiny_engine, with_controls

RATE = 44100


def curve_of(opener, hop, threshold_db):
    gate, parts = Gate(RATE), []
    for start in range(0, opener.shape[1] - hop + 1, hop):
        curve = gate.curve(opener[:, start : start + hop], threshold_db)
        parts.append(np.ones(hop, np.float32) if curve is None else curve)
    return np.concatenate(parts)


@pytest.mark.parametrize("hop", [17, 128, 2047, 2048, 44100])
def test_it_follows_the_opener(hop):
    opener = np.full((1, 3 * RATE), 1e-4, np.float32)
    opener[0, RATE : RATE + 100] = 0.1
    curve = curve_of(opener, hop, -40.0)
    hold, release, attack = (round(s * RATE) for s in (GATE_HOLD_S, GATE_RELEASE_S, GATE_ATTACK_S))
    assert (curve[:hold] == 1).all() and not curve[hold + release + 2 : RATE].any()
    if len(curve) > 2 * RATE:
        assert 0 < curve[RATE] < 0.1 and (curve[RATE + attack + 1 : RATE + 99 + hold] == 1).all()
        assert not curve[RATE + 100 + hold + release + 2 :].any()
    assert np.abs(np.diff(curve)).max() < 1.1 / attack


def test_it_is_off_at_the_lowest_threshold():
    opener = np.zeros((1, RATE), np.float32)
    gate = Gate(RATE)
    assert gate.curve(opener, -90.0) is None
    assert gate.curve(opener, -40.0)[-1] == 0
    assert gate.curve(opener, -90.0)[-1] == 1
    assert gate.curve(opener, -90.0) is None


def test_the_wet_sound_is_gated_and_the_dry_is_not():
    engine = tiny_engine()
    x = noise(engine, 400, level=0.1)
    x[:, 100 * engine.hop :] = 1e-5 * np.sign(x[:, 100 * engine.hop :])
    gated = play(tiny_engine(), x, with_controls(engine, in_gate=-60.0))
    plain = play(tiny_engine(), x)
    assert np.array_equal(gated[:, : 90 * engine.hop], plain[:, : 90 * engine.hop])
    assert plain[:, -engine.hop :].any() and not gated[:, -engine.hop :].any()
    dry = play(tiny_engine(), x, with_controls(engine, in_gate=-60.0, mix=0))
    assert dry[:, -engine.hop :].any()
