"""The counters of the audio process, in shared memory. `shared_memory.py` says who writes them.

docs/latency.md defines, at its top, late, starved and stall.
"""

from __future__ import annotations

from typing import ClassVar

from rtrave.ipc.memory import Floats

STATUS_FIELDS = (
    "callbacks",  # callbacks received
    "expected_callbacks",  # callbacks due by the host's time stamps, or by the schedule of the null device
    "stalls",  # lost callbacks that no late hop explains
    "host_flags",  # callbacks with a non-empty status from the host
    "callback_errors",  # callbacks that raised outside the engine; their output is silent
    "hops",  # hops the engine was run for
    "late_hops",  # hops that missed their place in the output, though the engine had its time
    "starved_hops",  # hops that missed their place because callbacks came faster than the sound
    "skipped_hops",  # hops of input never given to the engine, because it was too far behind
    "engine_errors",  # hops on which the engine raised; it is reset after each
    "nonfinite_in",  # input samples that were NaN or infinite
    "nonfinite_device",  # input samples that were NaN or infinite before the resampler, which would keep them for good
    "nonfinite_out",  # output samples that were NaN or infinite
    "controls_kept",  # hops that used the previous control vector because no whole one could be read
    "audio_dropped",  # rows lost because the ring was full
    "hops_dropped",
    "controls_dropped",
    "latent_frame",  # first latent frame of the next hop
    "heartbeat_s",  # time.monotonic() of the last callback
)


class Status:
    """Named counters (`STATUS_FIELDS`), float64. One thread of the audio process writes each."""

    _index: ClassVar = {name: i for i, name in enumerate(STATUS_FIELDS)}

    def __init__(self, values: Floats) -> None:
        self.values = values

    def add(self, name: str, amount: float = 1.0) -> None:
        """Increase a counter. Its one writer only."""
        self.values[self._index[name]] += amount

    def set(self, name: str, value: float) -> None:
        """Set a field. Its one writer only."""
        self.values[self._index[name]] = value

    def get(self, name: str) -> float:
        """Return one field. Any process."""
        return float(self.values[self._index[name]])

    def slot(self, name: str) -> Floats:
        """Return a view [1] of one field."""
        i = self._index[name]
        return self.values[i : i + 1]

    def continue_from(self, other: Status) -> None:
        """Copy all fields of another block. Audio process, before anything else counts into this one."""
        self.values[:] = other.values

    def as_dict(self) -> dict[str, float]:
        """Return all fields by name. Any process."""
        return dict(zip(STATUS_FIELDS, self.values.tolist(), strict=True))
