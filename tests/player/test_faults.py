"""Each rise of a counter is one fault with time and cause, the last ten are shown; percentiles are exact."""

import numpy as np
import pytest

from rtrave.player.faults import CAUSES, KEPT, Faults
from rtrave.player.monitor import SPREAD_EVERY_HOPS, WINDOW_HOPS, RecentTimes
from tests.player.test_terminal import shown, view_of


def counts(**risen):
    return dict.fromkeys(CAUSES, 0.0) | {"latent_frame": 77.0} | risen


def test_a_rise_is_told_once_with_its_cause():
    faults = Faults(clock=lambda: 1000.0)
    assert faults.look(counts()) == []
    new = faults.look(counts(late_hops=2.0, stalls=1.0))
    assert [(f.name, f.count, f.latent_frame, f.unix_s) for f in new] == [
        ("late_hops", 2, 77, 1000.0),
        ("stalls", 1, 77, 1000.0),
    ]
    assert faults.look(counts(late_hops=2.0, stalls=1.0)) == []
    assert faults.look(counts(late_hops=2.0, stalls=0.0)) == []  # taken back
    assert [f.count for f in faults.look(counts(late_hops=5.0, stalls=1.0))] == [3, 1]


def test_the_last_ten_are_kept():
    faults = Faults(clock=lambda: 0.0)
    for k in range(30):
        faults.look(counts(late_hops=float(k * (k + 1) // 2)))
    assert [f.count for f in faults.last] == list(range(30 - KEPT, 30))


def test_they_are_on_the_screen_where_no_note_is():
    faults = Faults(clock=lambda: 0.0)
    faults.look(counts(late_hops=3.0))
    faults.look(counts(late_hops=3.0, host_flags=1.0))
    text = "\n".join(shown(view_of(faults=list(faults.last))))
    assert "late: the model was not ready (3)" in text and "xrun: reported by the host (1)" in text
    assert "not ready" not in "\n".join(shown(view_of(faults=list(faults.last), notes=["a note"])))


@pytest.mark.parametrize("size", [1, 17, WINDOW_HOPS, WINDOW_HOPS + 2049])
def test_percentiles(size):
    times_s = np.random.default_rng(size).gamma(2.0, 0.001, size)
    recent = RecentTimes()
    for piece in np.array_split(times_s, 1 + size // 40):
        recent.add(piece)
        recent.spread()
    recent.add(np.full(SPREAD_EVERY_HOPS, 0.5))
    kept = np.concatenate((times_s, np.full(SPREAD_EVERY_HOPS, 0.5)))[-WINDOW_HOPS:]
    spread = recent.spread()
    expected = 1000 * np.percentile(kept, (50, 99, 99.9, 100))
    np.testing.assert_allclose([spread.median, spread.p99, spread.p999, spread.most], expected)
