"""The driver of an engine: from blocks of the device to hops of the engine and back.

`direct` runs the engine inside the callback that brings the last sample of a hop. `low-latency` only copies in the
callback and runs the engine in a thread beside it; the output of a hop is due one margin after the hop was full.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rtrave.audio.buffering import Delay
from rtrave.audio.driver_state import DriverState
from rtrave.audio.gap import GapFill
from rtrave.audio.hop_runner import HopRunner
from rtrave.audio.host import Host
from rtrave.audio.priority import make_realtime
from rtrave.audio.rates import RateBridge
from rtrave.dsp.denormals import make_flush
from rtrave.dsp.levels import ramp, silence_nonfinite
from rtrave.dsp.limiter import LIMIT_CEILING
from rtrave.ipc.options import LatePolicy
from rtrave.ipc.shared_memory import Shared

if TYPE_CHECKING:
    from rtrave.engine.engine import Engine

Audio = NDArray[np.float32]

BACKLOG_HOPS = 8  # hops the inference thread may lag behind before input is skipped
FAIR_SHARE = 0.75  # of the granted time: with less, a missing hop is not the inference's fault


@dataclass(frozen=True)
class Drive:
    """Mode and delay of a driver.

    Parameters
    ----------
    threaded : bool
        `low-latency`, else `direct`.
    delay : Delay
        From `rtrave.audio.buffering`.
    late : LatePolicy
    """

    threaded: bool
    delay: Delay
    late: LatePolicy = LatePolicy.HOLD


class Driver:
    """One engine behind a callback. Positions count samples at the model's rate from the first callback on.

    The output is the engine's stream, delayed by `buffering_samples`, plus the resampler's delay where there is one. A
    hop that is not ready when it is due is never played late: `GapFill` fills its place with short fades. A result
    that arrives while its place is being played is heard from there on, so the alignment never changes.

    Parameters
    ----------
    engine, shared, host
    drive : Drive
    rates : RateBridge or None
        Where the device's rate is not the model's.
    state : DriverState
        LIVE for the first driver of a process, PREROLL for one that takes over.
    model_index : int
        How many models played before this one.

    Attributes
    ----------
    state : DriverState
        Its docstring says who changes it.
    host : Host
    buffering_samples : int
    """

    def __init__(
        self,
        engine: Engine,
        shared: Shared,
        host: Host,
        drive: Drive,
        rates: RateBridge | None = None,
        state: DriverState = DriverState.LIVE,
        model_index: int = 0,
    ) -> None:
        hop, channels = engine.hop, engine.channels
        self.state = state
        self.host = host
        self.buffering_samples = drive.delay.samples
        self._threaded, self._granted_s = drive.threaded, drive.delay.granted_s
        continues = state is not DriverState.LIVE
        self._runner = HopRunner(engine, shared, host.clock, model_index, continues, host.faults)
        self._engine = engine
        self._hop = hop
        self._rates = rates
        self._status = shared.status
        self._gap = GapFill(channels, engine.sample_rate, drive.late)
        self._dry_at = 0  # place in the output of what is played now
        self._dry_gain = np.float32(engine.dry_gain)
        behind = self.buffering_samples + engine.dry_delay
        self._slots = BACKLOG_HOPS + 2 * -(-behind // hop)
        self._in = np.zeros((self._slots, engine.inputs, hop), np.float32)  # hop h lies in slot h % slots
        self._full_s = np.zeros(self._slots)  # when the slot's hop was full
        self._out = np.zeros((self._slots, channels, hop), np.float32)
        self._out_hop = np.full(self._slots, -1, np.int64)  # the hop whose result lies in the slot
        self._out_ok = np.zeros(self._slots, bool)
        self._missed = np.full(self._slots, -1, np.int64)  # the slot's last hop that missed its place
        self._position = 0  # samples received; written by the callback only
        self._next = 0  # the next hop to compute; inference thread only
        self._x = np.zeros((engine.inputs, hop), np.float32)
        self._wake = threading.Lock()  # held while there is nothing to compute
        self._wake.acquire()
        self._ending = False
        self._thread: threading.Thread | None = None
        self._flush_denormals = make_flush()

    def start(self) -> None:
        """Start the inference thread where there is one. Before the first callback."""
        if not self._threaded:
            return
        self._thread = threading.Thread(target=self._infer, name="inference", daemon=True)
        self._thread.start()
        if self._thread.native_id is not None:
            make_realtime(self._thread.native_id)

    def stop(self) -> None:
        """End the inference thread. After the last callback."""
        if self._thread is None:
            return
        self._ending = True
        if self._wake.locked():
            self._wake.release()
        self._thread.join()

    def fill(self, x: Audio, y: Audio) -> None:
        """Fill y, float32 [C, n], from x [inputs, n], one block at the device's rate. Callback only."""
        if self._rates is None:
            self._stream(x, y)
        else:
            self._rates.convert(x, y, self._stream)

    def _stream(self, x: Audio, y: Audio) -> None:
        """Receive x [inputs, n] and fill y [C, n], at the model's rate, in pieces that cross no border of a hop."""
        at, total, hop = 0, x.shape[1], self._hop
        while at < total:
            index, offset = divmod(self._position, hop)
            n = min(total - at, hop - offset)
            slot = index % self._slots
            self._in[slot][:, offset : offset + n] = x[:, at : at + n]
            start, self._position = self._position, self._position + n
            if offset + n == hop:
                self._full_s[slot] = self.host.now_s
                if not self._threaded:
                    self.drain()
                elif self._wake.locked():
                    self._wake.release()
            end = at + n
            while at < end:  # a piece can cross one border of the output's hops
                index, offset = divmod(start + n - (end - at) - self.buffering_samples, hop)
                m = min(end - at, hop - offset)
                self._play(index, offset, y[:, at : at + m])
                at += m

    def _play(self, index: int, offset: int, y: Audio) -> None:
        """Fill y [C, m] with the engine's stream from sample `offset` of hop `index`."""
        if index < 0:  # before the first hop
            y.fill(0.0)
            return
        slot = index % self._slots
        ready = self._out_hop[slot] == index
        self._dry_at = index * self._hop + offset
        if ready and self._out_ok[slot]:
            y[:] = self._out[slot][:, offset : offset + y.shape[1]]
            self._gap.play(y, self._dry)
            return
        if not ready and self._missed[slot] != index:
            self._missed[slot] = index
            had_s = self.host.now_s - self._full_s[slot]
            fair = had_s >= FAIR_SHARE * self._granted_s
            if self.state.is_heard:
                self._status.add("late_hops" if fair else "starved_hops")
        self._gap.bridge(y, self._dry)

    def _dry(self, y: Audio) -> None:
        """Fill y [C, m] with the dry signal that the engine's output would carry at this place."""
        at, done, total = self._dry_at - self._engine.dry_delay, 0, y.shape[1]
        while done < total:
            index, offset = divmod(at + done, self._hop)
            m = min(total - done, self._hop - offset)
            if index < 0:
                y[:, done : done + m] = 0.0
            else:
                y[:, done : done + m] = self._in[index % self._slots][: len(y), offset : offset + m]
            done += m
        silence_nonfinite(y)
        gain = np.float32(self._engine.dry_gain)
        y *= ramp(self._dry_gain, gain, total)
        self._dry_gain = gain
        np.clip(y, -LIMIT_CEILING, LIMIT_CEILING, out=y)

    def _infer(self) -> None:
        self._flush_denormals()
        while True:
            self._wake.acquire()
            if self._ending:
                return
            self.drain()

    def drain(self) -> None:
        """Compute every hop whose input is complete. The inference thread; `direct`: the callback."""
        while (self._next + 1) * self._hop <= self._position:
            index = self._next
            np.copyto(self._x, self._in[index % self._slots])
            if self._position - index * self._hop > (self._slots - 1) * self._hop:
                # Too far behind: the callback has begun to write over this hop. Continue with the newest one.
                self._next = self._position // self._hop - 1
                if self.state.publishes:
                    self._status.add("skipped_hops", self._next - index)
                continue
            self._next = index + 1
            self._compute(index)

    def _compute(self, index: int) -> None:
        slot, wake_s = index % self._slots, self.host.wake_s
        y = self._out[slot]
        self._out_hop[slot] = -1
        ok = self._runner.compute(self._x, y, self.state.publishes)
        self._out_ok[slot] = ok
        self._out_hop[slot] = index
        if self._threaded:
            wake_s = max(self._runner.started_s - self._full_s[slot], 0.0)
            late = bool(self._missed[slot] == index)  # counted by the callback
        else:
            ended_s = self._runner.started_s + self._runner.compute_s
            late = wake_s + ended_s - self.host.now_s > self._granted_s
            self._status.add("late_hops", late and self.state.is_heard)
        self._runner.publish(self._x, y, wake_s, late)
