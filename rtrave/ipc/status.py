"""The counters of the audio process, in shared memory (who may write: `shared_memory.py`)."""

from __future__ import annotations

from typing import ClassVar

from rtrave.ipc.memory import Floats

STATUS_FIELDS = (
    "callbacks",  # callbacks received
    "expected_callbacks",  # callbacks due by the host's time stamps, or by the schedule of the null device
    "stalls",  # callbacks lost though the one before had ended in time; the other lost ones are those of late hops
    "host_flags",  # callbacks with a non-empty status from the host
    "callback_errors",  # callbacks that raised outside the engine; their output is silent
    "hops",  # hops the engine was run for
    "late_hops",  # hops whose result missed its place in the output, though the engine had its time
    "starved_hops",  # hops that missed their place because callbacks came faster than the sound (after a stall)
    "skipped_hops",  # hops of input never given to the engine, because it was too far behind
    "engine_errors",  # hops on which the engine raised; its state is reset after each
    "nonfinite_in",  # input samples that were NaN or infinite
    "nonfinite_device",  # input samples that were NaN or infinite before a resampler, which could not bear them
    "nonfinite_out",  # output samples that were NaN or infinite
    "controls_kept",  # hops that kept the previous control vector because no whole one could be read
    "audio_dropped",  # rows lost because the ring was full
    "hops_dropped",
    "controls_dropped",
    "latent_frame",  # first latent frame of the next hop
    "heartbeat_s",  # time.monotonic() of the last callback
)


class Status:
    """Named counters (`STATUS_FIELDS`), float64. Each is written by one thread of the audio process."""

    _index: ClassVar = {name: i for i, name in enumerate(STATUS_FIELDS)}

    def __init__(self, values: Floats) -> None:
        self.values = values

    def add(self, name: str, amount: float = 1.0) -> None:
        """Raise a counter. Its one writer only."""
        self.values[self._index[name]] += amount

    def set(self, name: str, value: float) -> None:
        """Set a field. Its one writer only."""
        self.values[self._index[name]] = value

    def get(self, name: str) -> float:
        """One field. Any process."""
        return float(self.values[self._index[name]])

    def slot(self, name: str) -> Floats:
        """A view [1] of one field."""
        i = self._index[name]
        return self.values[i : i + 1]

    def go_on_from(self, other: Status) -> None:
        """Take all numbers over, as they are. While nobody writes here but those who write them all anew."""
        self.values[:] = other.values

    def as_dict(self) -> dict[str, float]:
        """All fields by name. Any process."""
        return dict(zip(STATUS_FIELDS, self.values.tolist(), strict=True))
