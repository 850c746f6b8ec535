"""The device's side of a callback: counting callbacks, routing, joining lost input, fading."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtrave.audio.faults import FaultSlots
from rtrave.audio.routing import Router
from rtrave.dsp.curves import raised_cosine
from rtrave.dsp.denormals import make_flush
from rtrave.ipc.messages import FaultSource
from rtrave.ipc.options import ChannelMap
from rtrave.ipc.status import Status

Audio = NDArray[np.float32]

MAX_BLOCK = 16384  # samples that are served at once; a larger block is cut into pieces
MEND_FADE = 64  # samples over which the step in the input after a loss is smoothed
STOP_FADE_S = 0.02
RISE_S = 0.2  # fade in of the sound after a restart


class HostClock:
    """Count of the callbacks that the host should have made, from its time stamps.

    A lost period shows as a jump of the capture time. A callback that only woke late also jumps, but the next one
    falls back; so the count follows a running schedule and corrects itself. The schedule follows the stamps slowly,
    since the host's clock and the sample rate differ by some parts per million.

    Attributes
    ----------
    expected, received : int
        Callbacks so far.
    """

    def __init__(self, sample_rate: int) -> None:
        self._rate = sample_rate
        self._due_s = 0.0
        self._last_frames = 0
        self._first = True
        self.expected = 0
        self.received = 0
        self._overrun = 0  # lost callbacks because the one before took too long

    @property
    def stalls(self) -> int:
        """Callbacks that were lost though the one before them had ended in time."""
        return max(self.expected - self.received - self._overrun, 0)

    def tick(self, stamp_s: float, frames: int, busy_s: float = 0.0) -> int:
        """Count one callback.

        Parameters
        ----------
        stamp_s : float
            Capture time of its first input sample; 0 where unknown.
        frames : int
            Samples of the block.
        busy_s : float
            How long the callback before this one ran. Callbacks that this cost are no stalls of the host.

        Returns
        -------
        int
            Callbacks that are now found to be lost, less those found again.
        """
        self.received += 1
        self.expected += 1
        length_s = frames / self._rate
        if stamp_s <= 0.0:
            return 0
        if self._first:
            self._first = False
            self._due_s = stamp_s + length_s
            return 0
        missing = round((stamp_s - self._due_s) / length_s)
        missing = max(missing, self.received - self.expected)
        self.expected += missing
        if busy_s > length_s and missing > 0:
            self._overrun += min(missing, math.ceil(busy_s / length_s - 1 - 1e-6))
        self._overrun = min(self._overrun, self.expected - self.received)
        self._due_s += missing * length_s
        self._due_s += 0.05 * (stamp_s - self._due_s) + length_s
        return missing


class Host:
    """The device's side of a callback. All methods but `fade_out` and `move_counts` are for the callback only.

    Parameters
    ----------
    status : Status
        Receives the counts.
    sample_rate : int
        Hz.
    inputs, outputs : ChannelMap
        Device channels for each input of the engine, those of a second input last, and for each output.
    scheduled : bool
        Whether the capture time stamps are an exact schedule (null device), which shows a late wake-up.
    clock : callable
        Seconds; replaced in tests.

    Attributes
    ----------
    faults : FaultSlots
        What the callback and the engine raised.
    now_s : float
        When the present callback began, by `clock`.
    wake_s : float
        How late it began against its schedule; 0 where unknown.
    """

    def __init__(
        self,
        status: Status,
        sample_rate: int,
        inputs: ChannelMap,
        outputs: ChannelMap,
        scheduled: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.status = status
        self.faults = FaultSlots()
        self.clock = clock
        self.now_s = 0.0
        self.wake_s = 0.0
        self._busy_s = 0.0
        self.sample_rate = sample_rate
        self._scheduled = scheduled
        self._clock = HostClock(sample_rate)
        self._base = tuple(status.get(name) for name in ("callbacks", "expected_callbacks", "stalls"))
        self.inputs, self.outputs = inputs, outputs
        self._router = Router(inputs, outputs, MAX_BLOCK)
        self._x = np.zeros((len(inputs), MAX_BLOCK), np.float32)
        self._y = np.zeros((len(outputs), MAX_BLOCK), np.float32)
        self._flush_denormals = make_flush()
        self._flushes = False
        self._input_lost = False  # just before this callback
        self._last_in = np.zeros((len(inputs), 1), np.float32)
        self._step = np.zeros_like(self._last_in)
        self._mend_at = MEND_FADE
        self._mend_curve = raised_cosine(MEND_FADE)[::-1].copy()
        self._stop_curve = raised_cosine(round(STOP_FADE_S * sample_rate))[::-1].copy()
        self._rise = self._rise_at = round(RISE_S * sample_rate)  # over, unless `fade_in` is called
        self._stop_at = 0
        self._stopping = False

    def serve(
        self,
        indata: Audio,
        outdata: Audio,
        frames: int,
        stamps: Any,
        flags: Any,
        fill: Callable[[Audio, Audio], None],
    ) -> None:
        """Serve one callback: indata [frames, device inputs] to outdata [frames, device outputs], any size.

        `fill` (x, y) turns x, float32 [inputs, n], into y, float32 [C, n]. An exception of it is counted, and the
        output is silent.
        """
        try:
            if not self._flushes:  # in the first callback, since its thread is the host's
                self._flushes = True
                self._flush_denormals()
            self.begin(frames, stamps, flags)
            at = 0
            while at < frames:
                n = min(frames - at, MAX_BLOCK)
                x, y = self._x[:, :n], self._y[:, :n]
                self.take(indata[at : at + n], x)
                fill(x, y)
                self.give(y, outdata[at : at + n])
                at += n
        except Exception as error:
            outdata.fill(0.0)
            self.faults.keep(FaultSource.CALLBACK, error)
            self.status.add("callback_errors")
        self.end()

    def move_counts(self, status: Status) -> None:
        """Count into another status block from now on, starting from the counts so far.

        Any thread, between callbacks or while one runs: each number is whole in one of the two blocks.
        """
        for name in ("callbacks", "expected_callbacks", "stalls", "host_flags", "callback_errors"):
            status.set(name, self.status.get(name))
        self.status = status

    def begin(self, frames: int, stamps: Any, flags: Any) -> None:
        """Begin a callback: count it, and read its time stamps."""
        status, clock = self.status, self._clock
        self.now_s = self.clock()
        status.set("heartbeat_s", self.now_s)
        capture_s = stamps.inputBufferAdcTime
        self._input_lost = clock.tick(capture_s, frames, self._busy_s) > 0
        received = self._base[0] + clock.received
        expected = self._base[1] + clock.expected
        status.set("callbacks", received)
        status.set("expected_callbacks", expected)
        status.set("stalls", self._base[2] + clock.stalls)
        if flags:
            status.add("host_flags")
        if self._scheduled:
            self.wake_s = max(0.0, stamps.currentTime - capture_s - frames / self.sample_rate)

    def end(self) -> None:
        """End the callback: measure how long it took."""
        self._busy_s = self.clock() - self.now_s

    def take(self, indata: Audio, x: Audio) -> None:
        """Fill x [inputs, n] from indata [n, device channels], without a click where input was lost."""
        self._router.take(indata, x)
        if self._input_lost:
            self._input_lost = False
            self._step[:] = self._last_in - x[:, :1]
            self._mend_at = 0
        if self._mend_at < MEND_FADE:
            m = min(x.shape[1], MEND_FADE - self._mend_at)
            x[:, :m] += self._step * self._mend_curve[self._mend_at : self._mend_at + m]
            self._mend_at += m
        self._last_in[:] = x[:, -1:]

    def give(self, y: Audio, outdata: Audio) -> None:
        """Fill all of outdata [n, device channels] from y [C, n]; fades y out in place after `fade_out`."""
        n = y.shape[1]
        if self._rise_at < self._rise:
            place = np.arange(self._rise_at + 1, self._rise_at + n + 1, dtype=np.float32)
            y *= np.clip(place / np.float32(self._rise), np.float32(0), np.float32(1))
            self._rise_at += n
        if self._stopping:
            m = min(n, len(self._stop_curve) - self._stop_at)
            y[:, :m] *= self._stop_curve[self._stop_at : self._stop_at + m]
            y[:, m:] = 0.0
            self._stop_at += m
        self._router.give(y, outdata)

    def fade_in(self, after: int) -> None:
        """Fade the output in, from `after` samples on. Before the first callback."""
        self._rise_at = -after

    def fade_out(self) -> None:
        """Request silence: the next callbacks fade out over 20 ms and stay silent. Any thread."""
        self._stopping = True

    @property
    def silent(self) -> bool:
        """True after the fade that `fade_out` requested. Any thread."""
        return self._stop_at >= len(self._stop_curve)
