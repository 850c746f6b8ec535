"""An engine that raises loses that hop alone: silence, a count, a reset, no gap in the latent frames."""

from __future__ import annotations

import numpy as np
import pytest

from rtrave.audio.gap import GAP_FADE
from tests.audio.fake import FakeEngine, Stamps, callback_of, make_driver, make_host, play

HOP = 512


@pytest.mark.parametrize("mode", ["direct", "threaded"])
def test_a_broken_hop(shared_for, mode: str) -> None:
    engine = FakeEngine(HOP, latent_frames=2, broken=(4, 5, 9))
    engine.latent_frame = 100
    shared = shared_for(engine)
    host = make_host(engine, shared)
    x = np.random.default_rng(4).standard_normal((HOP * 14, 1)).astype(np.float32)
    if mode == "direct":
        driver = make_driver(engine, shared, HOP, threaded=False, host=host)
        y = play(driver, x, [HOP] * 14)
    else:
        driver = make_driver(engine, shared, HOP, host=host)
        y = play(driver, x, [HOP] * 14, driver.drain)[HOP:]
    status = shared.status.as_dict()
    assert status["engine_errors"] == 3 and engine.resets == 3
    assert status["hops"] == 14 and status["late_hops"] == 0 and status["callback_errors"] == 0
    for hop in (4, 5, 9):
        assert not y[hop * HOP + GAP_FADE : (hop + 1) * HOP].any()
    for hop in (3, 8, 12):
        np.testing.assert_array_equal(
            y[hop * HOP + GAP_FADE : (hop + 1) * HOP, 0], x[hop * HOP + GAP_FADE : (hop + 1) * HOP, 0]
        )
    rows = shared.hops.read()
    assert rows["latent_frame"].tolist() == list(range(100, 128, 2))
    audio = shared.audio.read()
    np.testing.assert_array_equal(audio[:, 0], x[:, 0])
    assert len(audio) == 14 * HOP and not audio[4 * HOP : 6 * HOP, 1].any()


def test_a_broken_callback_still_fills_the_output(shared_for) -> None:
    engine = FakeEngine(HOP)
    shared = shared_for(engine)
    driver = make_driver(engine, shared, HOP)
    no_channels = np.zeros((HOP, 0), np.float32)
    out = np.full((HOP, 2), np.nan, np.float32)
    callback_of(driver)(no_channels, out, HOP, Stamps(), None)
    assert not out.any()
    assert shared.status.get("callback_errors") == 1
