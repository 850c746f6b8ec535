"""What both drivers share on the side of the device: counting callbacks, channels in and out, fades."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtrave.audio.memory import Status
from rtrave.errors import RtraveError

Audio = NDArray[np.float32]

GAP_FADE = 64  # samples of the fades around a gap: long enough not to click
STOP_FADE_S = 0.02


def default_inputs(model_channels: int, device_channels: int) -> list[int]:
    """Device channel heard by each model channel; a device with fewer channels repeats its last one."""
    return [min(channel, device_channels - 1) for channel in range(model_channels)]


def default_outputs(model_channels: int, device_channels: int) -> list[list[int]]:
    """Device channels played by each model channel: mono goes to the first two, stereo one to one."""
    if model_channels == 1:
        return [list(range(min(2, device_channels)))]
    return [[min(channel, device_channels - 1)] for channel in range(model_channels)]


def check_inputs(channels: Sequence[int], model_channels: int, device_channels: int, device: str) -> None:
    """Refuse an input channel list that does not fit the model or the device, in one line."""
    if len(channels) != model_channels:
        raise RtraveError(f"{len(channels)} input channels given, the model has {model_channels}: name one for each")
    for channel in channels:
        if not 0 <= channel < device_channels:
            raise RtraveError(f"no input channel {channel}: device '{device}' has 0 to {device_channels - 1}")


def check_outputs(channels: Sequence[Sequence[int]], model_channels: int, device_channels: int, device: str) -> None:
    """Refuse an output channel map that does not fit the model or the device, in one line."""
    if len(channels) != model_channels:
        raise RtraveError(f"outputs for {len(channels)} channels given, the model has {model_channels}")
    for channel in (one for several in channels for one in several):
        if not 0 <= channel < device_channels:
            raise RtraveError(f"no output channel {channel}: device '{device}' has 0 to {device_channels - 1}")


class HostClock:
    """How many callbacks the host should have made by now, from the time stamps it gives.

    A lost period shows as a jump of the capture time. A callback that only woke late also jumps, but the next
    one falls back; so the count is kept against a running schedule and corrects itself. The schedule follows
    the stamps slowly, since the host's clock and the sample rate differ by some parts per million.
    """

    def __init__(self, sample_rate: int) -> None:
        self._rate = sample_rate
        self._due_s = 0.0
        self._last_frames = 0
        self._first = True
        self.expected = 0
        self.received = 0

    def tick(self, stamp_s: float, frames: int) -> None:
        """Count one callback whose first input sample was captured at `stamp_s`; 0 where unknown."""
        self.received += 1
        self.expected += 1
        length_s = frames / self._rate
        if stamp_s <= 0.0:
            return
        if self._first:
            self._first = False
            self._due_s = stamp_s + length_s
            return
        missing = round((stamp_s - self._due_s) / length_s)
        missing = max(missing, self.received - self.expected)
        self.expected += missing
        self._due_s += missing * length_s
        self._due_s += 0.05 * (stamp_s - self._due_s) + length_s


class GapFade:
    """Makes a gap in the sound start and end without a click: works in place, sample by sample in order."""

    def __init__(self, channels: int) -> None:
        curve = (0.5 - 0.5 * np.cos(np.pi * (np.arange(GAP_FADE) + 1) / (GAP_FADE + 1))).astype(np.float32)
        self._up = curve
        self._down = curve[::-1].copy()
        self._last = np.zeros((channels, 1), np.float32)  # the last sample played
        self._held = np.zeros((channels, 1), np.float32)  # the sample from which the tail falls
        self._up_at = GAP_FADE  # samples of the fade-in done
        self._down_at = GAP_FADE  # samples of the tail done
        self._in_gap = False

    def apply(self, y: Audio, available: bool) -> None:
        """Prepare y, float32 [C, n], for the output; where it is not available it becomes a gap."""
        n = y.shape[1]
        if n == 0:
            return
        if not available:
            y.fill(0.0)
            if not self._in_gap:
                self._held[:] = self._last
                self._down_at = 0
            self._up_at = 0
        elif self._up_at < GAP_FADE:
            m = min(n, GAP_FADE - self._up_at)
            y[:, :m] *= self._up[self._up_at : self._up_at + m]
            self._up_at += m
        self._in_gap = not available
        if self._down_at < GAP_FADE:
            m = min(n, GAP_FADE - self._down_at)
            y[:, :m] += self._held * self._down[self._down_at : self._down_at + m]
            self._down_at += m
        self._last[:] = y[:, -1:]


class Host:
    """The device's side of a callback. All methods but `fade_out` are for the callback only.

    Parameters
    ----------
    status : Status
        Where the counts go.
    sample_rate : int
        Hz.
    max_block : int
        Most samples `give` gets at once.
    inputs : sequence of int
        Device channel for each model channel.
    outputs : sequence of sequence of int
        Device channels for each model channel. Where several model channels meet on one, it gets their mean.
    scheduled : bool
        The capture time stamps are an exact schedule (null device), so that a late wake can be told.
    """

    def __init__(
        self,
        status: Status,
        sample_rate: int,
        max_block: int,
        inputs: Sequence[int],
        outputs: Sequence[Sequence[int]],
        scheduled: bool = False,
    ) -> None:
        self.status = status
        self.sample_rate = sample_rate
        self._scheduled = scheduled
        self._clock = HostClock(sample_rate)
        self._base = (status.get("callbacks"), status.get("expected_callbacks"))
        self._inputs = list(inputs)
        meeting = [device for several in outputs for device in several]
        self._routes = [
            (device, channel, 1.0 / meeting.count(device))
            for channel, several in enumerate(outputs)
            for device in several
        ]
        self._scratch = np.zeros(max_block, np.float32)
        n = round(STOP_FADE_S * sample_rate)
        self._stop_curve = (0.5 + 0.5 * np.cos(np.pi * (np.arange(n) + 1) / (n + 1))).astype(np.float32)
        self._stop_at = 0
        self._stopping = False

    def begin(self, frames: int, stamps: Any, flags: Any) -> float:
        """Count this callback. Returns wake_s: how late it runs against its schedule, 0 where unknown."""
        status, clock = self.status, self._clock
        status.set("heartbeat_s", time.monotonic())
        capture_s = stamps.inputBufferAdcTime
        clock.tick(capture_s, frames)
        received = self._base[0] + clock.received
        expected = self._base[1] + clock.expected
        status.set("callbacks", received)
        status.set("expected_callbacks", expected)
        status.set("stalls", expected - received)
        if flags:
            status.add("host_flags")
        if not self._scheduled:
            return 0.0
        return max(0.0, stamps.currentTime - capture_s - frames / self.sample_rate)

    def take(self, indata: Audio, x: Audio) -> None:
        """Copy the chosen device channels of indata [n, device channels] to x [C, n]."""
        for channel, device in enumerate(self._inputs):
            x[channel] = indata[:, device]

    def give(self, y: Audio, outdata: Audio) -> None:
        """Fill all of outdata [n, device channels] from y [C, n]; fades y out in place after `fade_out`."""
        n = y.shape[1]
        if self._stopping:
            m = min(n, len(self._stop_curve) - self._stop_at)
            y[:, :m] *= self._stop_curve[self._stop_at : self._stop_at + m]
            y[:, m:] = 0.0
            self._stop_at += m
        outdata.fill(0.0)
        for device, channel, gain in self._routes:
            np.multiply(y[channel], np.float32(gain), out=self._scratch[:n])
            outdata[:, device] += self._scratch[:n]

    def fade_out(self) -> None:
        """Ask for silence: the next callbacks fade out over 20 ms and stay silent. Any thread."""
        self._stopping = True

    @property
    def silent(self) -> bool:
        """Whether the fade asked for by `fade_out` has been played. Any thread."""
        return self._stop_at >= len(self._stop_curve)
