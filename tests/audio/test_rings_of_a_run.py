"""The rings of a run hold the audio and numbers of every hop, and each control vector on its first hop."""

from __future__ import annotations

import numpy as np

from tests.audio.fake import FakeEngine, make_driver, play

HOP = 512


def test_rows_of_every_hop(shared_for) -> None:
    engine = FakeEngine(HOP, channels=2, dims=3, latent_frames=2)
    engine.latent_frame = 10
    shared = shared_for(engine)
    driver = make_driver(engine, shared, HOP, threaded=False)
    x = np.random.default_rng(5).standard_normal((HOP * 5, 2)).astype(np.float32)
    x[700, 0] = np.nan
    x[701, 1] = np.inf
    play(driver, x, [HOP] * 5)
    clean = np.where(np.isfinite(x), x, np.float32(0))
    np.testing.assert_array_equal(shared.audio.read(), np.concatenate([clean, clean], axis=1))
    rows = shared.hops.read()
    assert rows["latent_frame"].tolist() == [10, 12, 14, 16, 18]
    assert rows["nonfinite_in"].tolist() == [0, 2, 0, 0, 0]
    assert (rows["compute_s"] > 0).all() and (np.diff(rows["time_s"]) > 0).all()
    np.testing.assert_array_equal(rows["z_in"][2], [[14, 15]] * 3)
    np.testing.assert_array_equal(rows["z_out"], -rows["z_in"])
    assert shared.status.get("nonfinite_in") == 2
    assert shared.status.get("latent_frame") == 20


def test_a_vector_is_logged_once_on_its_first_hop(shared_for) -> None:
    engine = FakeEngine(HOP)
    shared = shared_for(engine)
    driver = make_driver(engine, shared, HOP, threaded=False)
    hop = iter(range(100))
    vector = engine.layout.defaults()

    def publish() -> None:
        now = next(hop)
        if now in (2, 3, 6):
            vector[0] = now
            shared.controls.write(vector)
        if now == 6:  # twice before the next hop: the latest wins
            vector[0] = 66
            shared.controls.write(vector)

    play(driver, np.zeros((HOP * 10, 1), np.float32), [HOP] * 10, publish)
    rows = shared.controls_log.read()
    assert rows[:, 0].tolist() == [0, 3, 4, 7]
    assert rows[:, 1].tolist() == [0, 1, 2, 4]
    assert rows[:, 2].tolist() == [engine.layout.defaults()[0], 2, 3, 66]


def test_a_full_ring_drops_whole_hops_and_counts_rows(shared_for) -> None:
    engine = FakeEngine(HOP)
    shared = shared_for(engine, audio_rows=3 * HOP + 100, hops_rows=4, controls_rows=1)
    driver = make_driver(engine, shared, HOP, threaded=False)
    play(driver, np.zeros((HOP * 10, 1), np.float32), [HOP] * 10)
    assert shared.audio.waiting() == 3 * HOP and shared.hops.waiting() == 4
    assert shared.status.get("audio_dropped") == 7 * HOP and shared.status.get("hops_dropped") == 6
