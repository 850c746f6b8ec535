"""Watch the counters and levels of a run: faults go to the take, feedback to the screen."""

from __future__ import annotations

import time
from collections.abc import Callable

from rtrave.player.faults import Fault, Faults
from rtrave.player.feedback_watch import FeedbackWatch
from rtrave.player.monitor import Monitor
from rtrave.player.recorder import Recorder
from rtrave.player.run_memory import RunMemory


class FaultNotes:
    """Writer of faults to the take, and of warnings of feedback. Control process, main thread.

    Parameters
    ----------
    memory : RunMemory
        Its counters are read.
    monitor : Monitor
    recorder : Recorder
    note : callable
        (text) -> None.
    """

    def __init__(self, memory: RunMemory, monitor: Monitor, recorder: Recorder, note: Callable[[str], object]) -> None:
        self._memory, self._monitor, self._recorder, self._note = memory, monitor, recorder, note
        self._faults, self._feedback = Faults(), FeedbackWatch()

    @property
    def last(self) -> list[Fault]:
        """The last faults, oldest first."""
        return list(self._faults.last)

    def poll(self) -> None:
        """Look at the counters and the levels."""
        for fault in self._faults.look(self._memory.shared.status.as_dict()):
            self._recorder.event("fault", cause=fault.name, count=fault.count)
        peak_in, _, peak_out, _ = self._monitor.levels_db()
        if warning := self._feedback.look(peak_in, peak_out, time.monotonic()):
            self._note(warning)
