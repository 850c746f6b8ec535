"""The callback of a run: one driver, and for the length of a crossfade a second one that takes over from it."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtrave.audio.driver import Driver
from rtrave.audio.driver_state import DriverState
from rtrave.audio.host import MAX_BLOCK, Host

Audio = NDArray[np.float32]


@dataclass
class _Incoming:
    """A driver that is to take over; lengths in samples of the device."""

    driver: Driver
    preroll: int
    fade: int
    at: int = 0


class Crossfader:
    """The one entrance of the device's callback.

    It plays one driver. A driver that takes over computes from the same input for as long as its sound needs to arrive
    (`preroll`), while the old one plays alone. Then the two are crossfaded; both compute until the fade is over.
    `DriverState` says what each of them counts and publishes meanwhile.

    Parameters
    ----------
    host : Host
    driver : Driver
        The first one.

    Attributes
    ----------
    driver : Driver
        The driver that is heard; during a fade, the one that fades out.
    """

    def __init__(self, host: Host, driver: Driver) -> None:
        self.driver = driver
        self._host = host
        self._incoming: _Incoming | None = None
        self._over = threading.Event()
        self._other = np.zeros((len(host.outputs), MAX_BLOCK), np.float32)

    def __call__(self, indata: Audio, outdata: Audio, frames: int, stamps: Any, flags: Any) -> None:
        """Serve one callback of PortAudio: indata [frames, device's inputs] to outdata [frames, device's
        outputs], any size.

        The device's callback only. Never raises, and always fills the output. Never waits, but for the pipeline of a
        third-party TorchScript file with `direct` buffering: for the rest of a hop at most.
        """
        self._host.serve(indata, outdata, frames, stamps, flags, self._fill)

    def bring_in(self, driver: Driver, preroll: int, fade: int) -> None:
        """Let a started driver take over, and return at once. Any thread but the callback, one at a time.

        `preroll`, `fade`: samples of the device.
        """
        self._over.clear()
        self._incoming = _Incoming(driver, preroll, max(fade, 1))

    def wait(self, timeout_s: float) -> bool:
        """Wait until the driver has taken over; False after the timeout. Any thread but the callback."""
        return self._over.wait(timeout_s)

    def give_up(self) -> None:
        """Discard an incoming driver whose device does not call any more."""
        self._incoming = None

    def _fill(self, x: Audio, y: Audio) -> None:
        incoming = self._incoming
        self.driver.fill(x, y)
        if incoming is None:
            return
        n = x.shape[1]
        other = self._other[:, :n]
        incoming.driver.fill(x, other)
        start = incoming.at - incoming.preroll
        incoming.at += n
        if start + n <= 0:
            return
        new = np.clip((np.arange(start + 1, start + n + 1, dtype=np.float32)) / incoming.fade, 0, 1)
        y *= 1 - new
        y += other * new
        if start + n >= incoming.fade:
            self.driver.state, incoming.driver.state = DriverState.RETIRED, DriverState.HEARD
            self.driver = incoming.driver
            self._incoming = None
            self._over.set()
