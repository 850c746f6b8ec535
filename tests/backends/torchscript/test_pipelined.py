"""The thread beside the engine: each result comes one hop later, in its own place or not at all."""

import threading
import time

import numpy as np
import pytest

from rtrave.backends.pipelined import JOBS, Job, OneHopLater

HOP_S = 0.05


def new_job():
    return Job(np.zeros((1, 4), "f4"), np.zeros((1, 4), "f4"), np.zeros(2), np.zeros((0, 1)), np.zeros((0, 1)))


class Rig:
    """A player that adds 10, waits where it is told, and notes what it did."""

    def __init__(self, hop_s=HOP_S):
        self.done: list[float] = []
        self.gate = threading.Event()
        self.gate.set()
        self.later = OneHopLater(self.play, lambda: self.done.append(-1), new_job, hop_s)

    def play(self, job):
        self.gate.wait(10)
        if job.x[0, 0] == -13:
            raise ValueError("bad luck")
        job.y[...] = job.x + 10
        self.done.append(float(job.x[0, 0]))

    def exchange(self, value):
        job, failure = self.later.exchange(np.full((1, 4), value, "f4"), np.full(2, value), int(value))
        return (float(job.y[0, 0]), job.latent_frame) if job else failure


def wait_until(condition):
    limit_s = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < limit_s
        time.sleep(0.001)


def test_each_result_comes_with_the_next_hop():
    rig = Rig()
    assert [rig.exchange(n) for n in range(40)] == ["", *((n + 10.0, n) for n in range(39))]


def test_a_patient_exchange_waits_as_long_as_it_takes():
    rig = Rig()
    rig.gate.clear()
    rig.exchange(1)
    threading.Timer(3 * HOP_S, rig.gate.set).start()
    assert rig.exchange(2) == (11, 1)


def test_a_failure_is_told_and_the_next_hop_plays():
    rig = Rig()
    assert [rig.exchange(n) for n in (12, -13, 14, 15)] == ["", (22, 12), "bad luck", (24, 14)]


def test_a_late_result_is_lost_and_its_followers_keep_their_place():
    rig = Rig()
    rig.later.keep_time()
    rig.gate.clear()
    rig.exchange(1)
    began_s = time.monotonic()
    assert rig.exchange(2) == "the script did not keep time"
    assert HOP_S * 0.9 <= time.monotonic() - began_s < HOP_S * 6
    rig.gate.set()
    assert [rig.exchange(3), rig.exchange(4)] == [(12, 2), (13, 3)]


def test_nothing_is_waited_for_at_the_pace_of_the_sound():
    rig = Rig()
    rig.later.keep_time()
    rig.gate.clear()
    rig.exchange(1)
    time.sleep(1.2 * HOP_S)
    began_s = time.monotonic()
    assert rig.exchange(2) == "the script did not keep time"
    assert time.monotonic() - began_s < HOP_S / 2


def test_a_hang_is_lost_hop_by_hop_and_nothing_piles_up():
    rig = Rig(hop_s=0.001)
    rig.later.keep_time()
    rig.gate.clear()
    told = [rig.exchange(n) for n in range(50)]
    assert told[0] == ""
    assert all(isinstance(line, str) and line for line in told[1:])
    assert told[-1] == "the script hangs"
    rig.gate.set()
    wait_until(lambda: len(rig.done) == JOBS)
    rig.later.keep_time()
    assert rig.exchange(100) == "the script hangs"  # of the hop before, which was not handed over
    wait_until(lambda: 100 in rig.done)
    assert rig.exchange(101) == (110, 100)


@pytest.mark.parametrize("forget", [False, True])
def test_reset_comes_before_the_next_hop(forget):
    rig = Rig()
    rig.exchange(1)
    rig.later.ask_reset()
    if forget:
        rig.later.forget()
    assert rig.exchange(2) == ("" if forget else (11, 1))
    assert rig.exchange(3) == (12, 2)
    wait_until(lambda: len(rig.done) == 4)
    assert rig.done == [1, -1, 2, 3]
