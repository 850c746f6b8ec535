"""A device without hardware: it calls back by the clock, loops an array as input, and discards the output."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtrave.errors import RtraveError

Audio = NDArray[np.float32]


@dataclass
class Stamps:
    """Time stamps of one callback, named as PortAudio names them; seconds on the stream's clock."""

    inputBufferAdcTime: float = 0.0  # noqa: N815
    currentTime: float = 0.0  # noqa: N815
    outputBufferDacTime: float = 0.0  # noqa: N815


def load_input(path: Path) -> Audio:
    """Read the looped input: a .npy file, float32 [T, C], T >= 1, C >= 1.

    Raises
    ------
    RtraveError
        It cannot be read, or has another shape or type.
    """
    try:
        data = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise RtraveError(f"cannot read the input '{path}': {error}") from error
    if data.dtype != np.float32 or data.ndim != 2 or 0 in data.shape:
        got = f"{data.dtype} {list(data.shape)}"
        raise RtraveError(f"input '{path}': expected float32 [samples, channels], not empty, got {got}")
    return np.ascontiguousarray(data)


class NullStream:
    """Stream that calls back as a sound card would, on an absolute schedule that does not drift.

    Block k is captured from start + k * block / sample_rate on, and its callback is due one block later. A callback
    that is late by whole blocks costs those blocks, as on hardware: their input is lost, and the time stamps show it.

    Parameters
    ----------
    callback : callable
        (indata [block, C] float32, outdata [block, output_channels] float32, frames, stamps, flags).
    data : ndarray
        float32 [T, C], looped.
    sample_rate, block, output_channels : int
    clock, sleep : callable
        Seconds; replaced in tests.
    """

    def __init__(
        self,
        callback: Callable[[Audio, Audio, int, Any, Any], None],
        data: Audio,
        sample_rate: int,
        block: int,
        output_channels: int,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._callback = callback
        self._data = data
        self._rate = sample_rate
        self._block = block
        self._clock = clock
        self._sleep = sleep
        self._steps = np.arange(block)
        self._index = np.zeros(block, np.intp)
        self._indata = np.zeros((block, data.shape[1]), np.float32)
        self._outdata = np.zeros((block, output_channels), np.float32)
        self._stamps = Stamps()
        self._ending = False
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start to call, in a thread of its own."""
        self._thread = threading.Thread(target=self.run, name="null device", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop after the callback under way, and wait for it."""
        self._ending = True
        if self._thread is not None:
            self._thread.join()

    def close(self) -> None:
        """Do nothing: no device is open."""

    def run(self, callbacks: float = math.inf) -> None:
        """Make so many callbacks in this thread; until `stop` where infinite."""
        length_s = self._block / self._rate
        start_s = self._clock()
        k = 0
        done = 0
        while done < callbacks and not self._ending:
            due_s = start_s + (k + 1) * self._block / self._rate
            now_s = self._clock()
            if now_s < due_s:
                self._sleep(due_s - now_s)
                continue
            lost = int((now_s - due_s) / length_s)
            k += lost
            np.add(self._steps, (k * self._block) % len(self._data), out=self._index)
            np.take(self._data, self._index, axis=0, mode="wrap", out=self._indata)
            # Add one block: a stamp of 0 means "unknown".
            self._stamps.inputBufferAdcTime = (k + 1) * length_s
            self._stamps.currentTime = now_s - start_s + length_s
            self._stamps.outputBufferDacTime = (k + 2) * length_s
            self._callback(self._indata, self._outdata, self._block, self._stamps, None)
            k += 1
            done += 1
