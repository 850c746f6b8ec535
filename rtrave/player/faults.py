"""The last faults of a run, with time and cause, read from the counters of the audio process."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass

KEPT = 10
# Counter of the status block to the cause that it stands for.
CAUSES = {
    "late_hops": "late: the model was not ready",
    "starved_hops": "starved: callbacks came faster than the sound",
    "stalls": "stall: callbacks did not come",
    "host_flags": "xrun: reported by the host",
    "skipped_hops": "skipped: the model was too far behind",
    "engine_errors": "error in the model",
    "callback_errors": "error in the callback",
    "nonfinite_in": "input was not a number",
    "nonfinite_device": "input was not a number",
    "nonfinite_out": "output was not a number: muted",
}

TRACED = ("engine_errors", "callback_errors")  # those whose traceback is in the log file


@dataclass(frozen=True)
class Fault:
    """A counter that rose.

    Attributes
    ----------
    unix_s : float
        When it was seen, at most one `look` after it happened.
    name : str
        The counter.
    count : int
        By how much it rose.
    latent_frame : int
        First latent frame of the hop then under way.
    """

    unix_s: float
    name: str
    count: int
    latent_frame: int

    def __str__(self) -> str:
        clock = time.strftime("%H:%M:%S", time.localtime(self.unix_s))
        return f"{clock} {CAUSES[self.name]} ({self.count})"


class Faults:
    """The last ten faults. Control process, main thread.

    Parameters
    ----------
    clock : callable
        Seconds since 1970.

    Attributes
    ----------
    last : deque of Fault
        Oldest first.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._seen: dict[str, float] = dict.fromkeys(CAUSES, 0.0)
        self.last: deque[Fault] = deque(maxlen=KEPT)

    def look(self, counts: Mapping[str, float]) -> list[Fault]:
        """Compare the counters with those of the last look, and return the new faults in the order of `CAUSES`."""
        new = []
        for name, before in self._seen.items():
            rise = int(counts[name] - before)
            self._seen[name] = counts[name]
            if rise > 0:  # stalls may sink: the clock of the host takes one back that it found again
                new.append(Fault(self._clock(), name, rise, int(counts["latent_frame"])))
        self.last.extend(new)
        return new
