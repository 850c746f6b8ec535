"""Pipelines: the threaded one returns each result one hop later, at its place in the sound or not at all."""

import threading
import time

import numpy as np
import pytest

from rtrave.backends.pipeline import HOPS, Hop, ImmediatePipeline, ThreadedPipeline

HOP_S = 0.05
LATE, HANGS = "the TorchScript worker did not keep time", "the TorchScript worker hangs"


class Work:
    """Adds 10 to the input, waits while the gate is closed, and records what it did; -1 stands for a reset."""

    def __init__(self):
        self.done: list[float] = []
        self.gate = threading.Event()
        self.gate.set()

    def new_hop(self):
        return Hop(np.zeros((1, 4), "f4"), np.zeros(2), np.zeros((0, 1)), np.zeros((0, 1)), np.zeros((1, 4), "f4"))

    def play(self, hop):
        self.gate.wait(10)
        if hop.reset:
            self.reset()
        if hop.x[0, 0] == -13:
            raise ValueError("bad luck")
        hop.y[...] = hop.x + 10
        self.done.append(float(hop.x[0, 0]))

    def reset(self):
        self.done.append(-1)


class Rig:
    """A pipeline with `Work`; `keep_time` records that hops are due in time from now on."""

    def __init__(self, hop_s=HOP_S, offline=False, pipeline=ThreadedPipeline):
        self.work, self.kept_time = Work(), False
        self.gate, self.done = self.work.gate, self.work.done
        timing = () if pipeline is ImmediatePipeline else (hop_s, None if offline else self.keep_time)
        self.pipeline = pipeline(self.work, *timing)

    def keep_time(self):
        self.kept_time = True

    def exchange(self, value, reset=False):
        """Exchange a hop; return (number, latent frame), the text of a failure, or () where nothing is due yet."""
        hop = self.pipeline.exchange(np.full((1, 4), value, "f4"), np.full(2, value), int(value), reset)
        if hop.failure:
            assert not hop.y.any()
            return hop.failure
        return (float(hop.y[0, 0]), hop.latent_frame) if hop.y.any() else ()


def wait_until(condition):
    limit_s = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < limit_s
        time.sleep(0.001)


def test_each_result_is_returned_with_the_next_hop():
    rig = Rig()
    assert [rig.exchange(n) for n in range(40)] == [(), *((n + 10.0, n) for n in range(39))]


def test_a_patient_exchange_waits_as_long_as_it_takes():
    rig = Rig()
    rig.gate.clear()
    rig.exchange(1)
    threading.Timer(3 * HOP_S, rig.gate.set).start()
    assert rig.exchange(2) == (11, 1)


def test_a_failure_is_reported_and_the_next_hop_plays():
    rig = Rig()
    assert [rig.exchange(n) for n in (12, -13, 14, 15)] == [(), (22, 12), "bad luck", (24, 14)]


def test_a_late_result_is_lost_and_the_next_ones_keep_their_place():
    rig = Rig()
    rig.pipeline.restart()
    rig.gate.clear()
    rig.exchange(1)
    began_s = time.monotonic()
    assert rig.exchange(2) == LATE
    assert HOP_S * 0.9 <= time.monotonic() - began_s < HOP_S * 6
    rig.gate.set()
    assert [rig.exchange(3), rig.exchange(4)] == [(12, 2), (13, 3)]


def test_an_exchange_at_the_pace_of_the_sound_does_not_wait():
    rig = Rig()
    rig.pipeline.restart()
    rig.gate.clear()
    rig.exchange(1)
    time.sleep(1.2 * HOP_S)
    began_s = time.monotonic()
    assert rig.exchange(2) == LATE
    assert time.monotonic() - began_s < HOP_S / 2


def test_a_hang_loses_hop_after_hop_and_nothing_piles_up():
    rig = Rig(hop_s=0.001)
    rig.pipeline.restart()
    rig.gate.clear()
    results = [rig.exchange(n) for n in range(50)]
    assert results[0] == ()
    assert all(isinstance(line, str) and line for line in results[1:])
    assert results[-1] == HANGS
    rig.gate.set()
    wait_until(lambda: len(rig.done) == HOPS + 1)  # the four hops and one reset
    assert rig.exchange(100) == HANGS  # the failure of the hop before, which the thread never received
    wait_until(lambda: 100 in rig.done)
    assert rig.exchange(101) == (110, 100)


def test_a_restart_discards_the_hops_before_it():
    rig = Rig()
    rig.exchange(1)
    rig.pipeline.restart()
    assert rig.kept_time
    assert [rig.exchange(2), rig.exchange(3)] == [(), (12, 2)]
    wait_until(lambda: len(rig.done) == 4)
    assert rig.done == [1, -1, 2, 3]


def test_a_reset_precedes_its_hop_and_nothing_is_lost():
    rig = Rig()
    assert [rig.exchange(1), rig.exchange(2, reset=True), rig.exchange(3)] == [(), (11, 1), (12, 2)]
    wait_until(lambda: len(rig.done) == 4)
    assert rig.done == [1, -1, 2, 3]


def test_offline_it_stays_patient_after_a_restart():
    rig = Rig(offline=True)
    rig.pipeline.restart()
    rig.gate.clear()
    rig.exchange(1)
    threading.Timer(3 * HOP_S, rig.gate.set).start()
    assert rig.exchange(2) == (11, 1)


def test_the_immediate_pipeline_returns_the_hop_it_receives_and_raises():
    rig = Rig(pipeline=ImmediatePipeline)
    assert [rig.exchange(1), rig.exchange(2, reset=True)] == [(11, 1), (12, 2)]
    rig.pipeline.restart()
    assert rig.done == [1, -1, 2, -1]
    with pytest.raises(ValueError, match="bad luck"):
        rig.exchange(-13)
