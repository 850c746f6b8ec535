"""The driver of an engine, with the signature of a PortAudio callback.

`direct` runs the engine inside the callback that brings the last sample of a hop. `low-latency` only copies in the
callback and runs the engine in a thread beside it, which then has a whole hop of time, at the price of one hop
more of delay.
"""

from __future__ import annotations

import math
import threading
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rtrave.audio.hop import HopRunner
from rtrave.audio.host import GapFade, Host
from rtrave.audio.shared import Shared

if TYPE_CHECKING:
    from rtrave.engine import Engine

Audio = NDArray[np.float32]

BACKLOG_HOPS = 8  # hops the inference thread may lag behind before input is skipped


def buffering_samples(hop: int, block: int | None, threaded: bool) -> int:
    """Delay of a driver in samples: its output is the engine's stream, late by this much.

    Parameters
    ----------
    hop : int
        Samples per engine step.
    block : int or None
        Samples per callback; None where it changes from call to call (then at most `hop`).
    threaded : bool
        The engine runs beside the callback, and so has until a later one.

    Returns
    -------
    int
        Direct: the least that lets every callback be filled, hop - gcd(hop, block); 0 where the block is the hop.
        Threaded: 2 * hop - block where the block divides the hop, which leaves the engine exactly one hop of
        time; 2 * hop for other blocks up to the hop; block where it is a multiple of the hop; else block + hop.
    """
    if not threaded:
        return hop if block is None else hop - math.gcd(hop, block)
    if block is None:
        return 2 * hop
    if hop % block == 0:
        return 2 * hop - block
    if block < hop:
        return 2 * hop
    return block if block % hop == 0 else block + hop


class Driver:
    """One engine behind a callback; positions are counted in samples from the first callback.

    Input sample p belongs to hop p // hop. Output sample p plays sample p - buffering_samples of the engine's
    stream. A result that is not there when it is due is not played late: its place is silent, with short
    fades, what arrives in mid-hop is played from where it belongs, and the alignment is kept for good.

    A driver's call is for the device's callback only. It never raises, never waits, and always fills the output.

    Parameters
    ----------
    block : int or None
        Samples per callback; None where it changes from call to call.
    deadline_s : float or None
        `direct`, and the time the host leaves for one callback: a hop that takes longer counts as late.
        None: `low-latency`.
    """

    def __init__(
        self, engine: Engine, shared: Shared, host: Host, block: int | None, deadline_s: float | None = None
    ) -> None:
        hop, channels = engine.hop, engine.channels
        self._deadline_s = deadline_s
        self.buffering_samples = buffering_samples(hop, block, deadline_s is None)
        self._runner = HopRunner(engine, shared)
        self._hop = hop
        self._host = host
        self._status = shared.status
        self._gap = GapFade(channels)
        self._slots = BACKLOG_HOPS + 2 * -(-self.buffering_samples // hop)
        self._in = np.zeros((self._slots, channels, hop), np.float32)  # hop h lies in slot h % slots
        self._out = np.zeros_like(self._in)
        self._out_hop = np.full(self._slots, -1, np.int64)  # the hop whose result lies in the slot
        self._out_ok = np.zeros(self._slots, bool)
        self._missed = np.full(self._slots, -1, np.int64)  # the slot's last hop that was not there
        self._position = 0  # samples taken in; written by the callback only
        self._wake_s = 0.0  # of the last callback
        self._next = 0  # the next hop to compute; inference thread only
        self._x = np.zeros((channels, hop), np.float32)
        self._block = np.zeros((channels, hop), np.float32)
        self._wake = threading.Lock()  # held while there is nothing to do
        self._wake.acquire()
        self._ending = False
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the inference thread, where there is one. Before the first callback."""
        if self._deadline_s is not None:
            return
        self._thread = threading.Thread(target=self._infer, name="inference", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the inference thread. After the last callback."""
        if self._thread is None:
            return
        self._ending = True
        if self._wake.locked():
            self._wake.release()
        self._thread.join()

    def __call__(self, indata: Audio, outdata: Audio, frames: int, stamps: Any, flags: Any) -> None:
        """One callback: indata [frames, device inputs] to outdata [frames, device outputs], any size."""
        try:
            self._wake_s = self._host.begin(frames, stamps, flags)
            at = 0
            while at < frames:  # in pieces that do not cross a border of the input's hops
                n = min(frames - at, self._hop - self._position % self._hop)
                self._piece(indata[at : at + n], outdata[at : at + n], n)
                at += n
        except Exception:
            outdata.fill(0.0)
            self._status.add("callback_errors")

    def _piece(self, indata: Audio, outdata: Audio, n: int) -> None:
        hop, position = self._hop, self._position
        index, offset = divmod(position, hop)
        self._host.take(indata, self._in[index % self._slots][:, offset : offset + n])
        self._position = position + n
        if offset + n == hop:
            if self._deadline_s is not None:
                self.drain()
            elif self._wake.locked():
                self._wake.release()
        done = 0
        while done < n:  # a piece can cross one border of the output's hops
            index, offset = divmod(position + done - self.buffering_samples, hop)
            m = min(n - done, hop - offset)
            self._play(index, offset, self._block[:, done : done + m])
            done += m
        self._host.give(self._block[:, :n], outdata)

    def _play(self, index: int, offset: int, y: Audio) -> None:
        """Fill y [C, m] with the engine's stream from sample `offset` of hop `index`."""
        if index < 0:  # before the first hop
            y.fill(0.0)
            return
        slot = index % self._slots
        there = self._out_hop[slot] == index
        if there and self._out_ok[slot]:
            y[:] = self._out[slot][:, offset : offset + y.shape[1]]
            self._gap.apply(y, True)
            return
        if not there and self._missed[slot] != index:
            self._missed[slot] = index
            self._status.add("late_hops")
        self._gap.apply(y, False)

    def _infer(self) -> None:
        while True:
            self._wake.acquire()
            if self._ending:
                return
            self.drain()

    def drain(self) -> None:
        """Compute every hop whose input is whole. The inference thread; `direct`: the callback."""
        while (self._next + 1) * self._hop <= self._position:
            index = self._next
            np.copyto(self._x, self._in[index % self._slots])
            if self._position - index * self._hop > (self._slots - 1) * self._hop:
                # Too far behind: the callback has begun to write over this hop. Go on with the newest one.
                self._next = self._position // self._hop - 1
                self._status.add("skipped_hops", self._next - index)
                continue
            self._next = index + 1
            self._one(index)

    def _one(self, index: int) -> None:
        slot, wake_s = index % self._slots, self._wake_s
        y = self._out[slot]
        self._out_hop[slot] = -1
        ok = self._runner.compute(self._x, y)
        self._out_ok[slot] = ok
        self._out_hop[slot] = index
        if self._deadline_s is None:
            late = bool(self._missed[slot] == index)  # counted by the callback
        else:
            late = wake_s + self._runner.compute_s > self._deadline_s
            self._status.add("late_hops", late)
        self._runner.publish(self._x, y, wake_s, late)
