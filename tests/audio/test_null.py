"""The null device keeps an absolute schedule, loops its input without a seam, and shows what it lost."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rtrave.audio.null import NullStream, load_input
from rtrave.errors import RtraveError
from tests.audio.fake import RATE, FakeEngine, callback_of, make_driver, make_host

HOP = 512


class FakeTime:
    """A clock that moves when one sleeps, a little too long each time, or when `pass_s` is called."""

    def __init__(self, oversleep_s: float = 0.0) -> None:
        self.now_s = 1000.0
        self.oversleep_s = oversleep_s

    def clock(self) -> float:
        return self.now_s

    def sleep(self, wait_s: float) -> None:
        assert wait_s > 0
        self.now_s += wait_s + self.oversleep_s

    def pass_s(self, seconds: float) -> None:
        self.now_s += seconds


@pytest.mark.parametrize("length", [1, 17, 2047, 5000])
def test_the_input_loops_without_a_seam(length: int) -> None:
    data = np.arange(length * 2, dtype=np.float32).reshape(length, 2)
    received, time = [], FakeTime()
    stream = NullStream(lambda x, y, *_: received.append(x.copy()), data, RATE, HOP, 2, time.clock, time.sleep)
    stream.run(20)
    np.testing.assert_array_equal(np.concatenate(received), np.resize(data, (20 * HOP, 2)))


def test_the_schedule_does_not_drift_and_stamps_show_the_wake_up() -> None:
    time, wakes = FakeTime(oversleep_s=0.003), []

    def callback(x, y, frames, stamps, flags) -> None:
        wakes.append(stamps.currentTime - stamps.inputBufferAdcTime - frames / RATE)

    NullStream(callback, np.zeros((9, 1), np.float32), RATE, HOP, 2, time.clock, time.sleep).run(1000)
    assert time.now_s - 1000.0 == pytest.approx(1000 * HOP / RATE + 0.003)
    np.testing.assert_allclose(wakes, 0.003, atol=1e-6)


@pytest.mark.parametrize("blocks_asleep", [0.5, 0.99, 1.5, 4.2])
def test_lost_blocks_are_counted_exactly_and_the_input_goes_on_in_time(shared_for, blocks_asleep: float) -> None:
    engine = FakeEngine(HOP, slow={10: lambda: time.pass_s(blocks_asleep * HOP / RATE)})
    shared = shared_for(engine)
    time = FakeTime()
    driver = make_driver(engine, shared, HOP, threaded=False, host=make_host(engine, shared, 1, scheduled=True))
    data = np.repeat(np.arange(100, dtype=np.float32), HOP)[:, None]
    NullStream(callback_of(driver), data, RATE, HOP, 2, time.clock, time.sleep).run(40)
    # The callback after a sleep of 0.5 blocks is on time, after 1.5 half a block late, and so on.
    lost = max(0, int(blocks_asleep - 1))
    status = shared.status.as_dict()
    assert status["callbacks"] == 40
    assert status["expected_callbacks"] == 40 + lost and status["stalls"] == lost
    blocks = shared.audio.read()[HOP - 1 :: HOP, 0]  # after a loss a block's beginning is mended
    assert blocks.tolist() == [*range(11), *range(11 + lost, 40 + lost)]
    wake_s = shared.hops.read()["wake_s"]
    late = max(0.0, blocks_asleep - 1) - lost
    assert wake_s[11] == pytest.approx(late * HOP / RATE, abs=1e-6)
    assert np.abs(np.delete(wake_s, 11)).max() < 1e-6


def test_it_runs_in_real_time_and_stops(shared_for) -> None:
    from time import monotonic, sleep

    engine = FakeEngine(HOP)
    shared = shared_for(engine)
    driver = make_driver(engine, shared, HOP, host=make_host(engine, shared, 1, scheduled=True))
    stream = NullStream(callback_of(driver), np.ones((100, 1), np.float32), RATE, HOP, 2)
    driver.start()
    start_s = monotonic()
    stream.start()
    sleep(0.5)
    stream.stop()
    lasted_s = monotonic() - start_s
    driver.stop()
    assert shared.status.get("expected_callbacks") == pytest.approx(lasted_s * RATE / HOP, abs=2)


def test_input_that_cannot_be_played_is_refused_in_one_line(tmp_path: Path) -> None:
    cases = {
        "double": np.zeros((4, 1)),
        "flat": np.zeros(4, np.float32),
        "empty": np.zeros((0, 1), np.float32),
    }
    for name, data in cases.items():
        np.save(tmp_path / name, data)
    (tmp_path / "text.npy").write_text("no numbers")
    for name in (*cases, "text", "missing"):
        with pytest.raises(RtraveError) as error:
            load_input(tmp_path / f"{name}.npy")
        assert name in str(error.value) and "\n" not in str(error.value)
    np.save(tmp_path / "good", np.ones((3, 2), np.float32))
    assert load_input(tmp_path / "good.npy").shape == (3, 2)
