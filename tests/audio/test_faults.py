"""Faults of the callback and the engine are reported with their traceback, each different one once."""

import numpy as np

from rtrave.audio.driver_state import DriverState
from rtrave.audio.faults import MOST_REPORTED, FaultReporter, FaultSlots
from rtrave.ipc.messages import Faulted, FaultSource
from tests.audio.fake import FakeEngine, make_driver, play

HOP = 512


def raised(error):
    try:
        raise error
    except type(error) as caught:
        return caught


def reporter():
    slots, reports = FaultSlots(), []
    return slots, reports, FaultReporter(slots, reports.append)


def test_each_different_fault_once():
    slots, reports, faults = reporter()
    for text in ("first", "second"):  # one place, so one fault
        slots.keep(FaultSource.ENGINE, raised(ValueError(text)))
        faults.look()
    slots.keep(FaultSource.CALLBACK, raised(ValueError("first")))
    faults.look()
    assert [fault.traceback.splitlines()[-1] for fault in reports] == ["ValueError: first", "ValueError: first"]
    assert [fault.source for fault in reports] == [FaultSource.ENGINE, FaultSource.CALLBACK]
    assert all(isinstance(fault, Faulted) and "in raised" in fault.traceback for fault in reports)


def test_the_first_of_two_that_wait_is_kept():
    slots, reports, faults = reporter()
    slots.keep(FaultSource.ENGINE, raised(ValueError("first")))
    slots.keep(FaultSource.ENGINE, raised(KeyError("second")))
    faults.look()
    assert len(reports) == 1 and reports[0].traceback.endswith("ValueError: first")


def test_the_reports_are_bounded():
    slots, reports, faults = reporter()
    for n in range(2 * MOST_REPORTED):
        slots.keep(FaultSource.ENGINE, raised(type(f"Error{n}", (Exception,), {})("x")))
        faults.look()
    assert len(reports) == MOST_REPORTED


def test_stop_reports_what_waits():
    slots, reports, faults = reporter()
    faults.start()
    slots.keep(FaultSource.CALLBACK, raised(ValueError("last")))
    faults.stop()
    assert len(reports) == 1


def test_a_driver_keeps_what_its_engine_raises(shared_for):
    class Broken(FakeEngine):
        def process(self, x, controls, y):
            if self.latent_frame == 2:
                self.latent_frame += self.latent_frames
                raise ZeroDivisionError("in the engine")
            super().process(x, controls, y)

    engine = Broken(HOP)
    driver = make_driver(engine, shared_for(engine), HOP, threaded=False)
    assert driver.state is DriverState.LIVE
    play(driver, np.zeros((6 * HOP, engine.channels), np.float32), [HOP] * 6)
    taken = driver.host.faults.take()
    assert [(source, str(error)) for source, error in taken] == [(FaultSource.ENGINE, "in the engine")]
