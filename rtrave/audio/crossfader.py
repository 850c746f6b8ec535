"""Two drivers on one device for the length of a crossfade: how a model gives way to another while it plays."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtrave.audio.driver import Driver
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
    """What the device calls: one driver, and now and then a second one that takes over from it.

    The incoming driver hears the input for as long as it needs until its sound is there (`preroll`), while the old one
    plays alone. Then they are crossfaded; both compute until the fade is over.

    Parameters
    ----------
    host : Host
    driver : Driver
        The first one.

    Attributes
    ----------
    driver : Driver
        The one that is heard, or was until the fade under way.
    """

    def __init__(self, host: Host, driver: Driver) -> None:
        self.driver = driver
        self._host = host
        self._incoming: _Incoming | None = None
        self._over = threading.Event()
        self._other = np.zeros((len(host.outputs), MAX_BLOCK), np.float32)

    def __call__(self, indata: Audio, outdata: Audio, frames: int, stamps: Any, flags: Any) -> None:
        """One callback, as `Driver`'s."""
        self._host.serve(indata, outdata, frames, stamps, flags, self._fill)

    def bring_in(self, driver: Driver, preroll: int, fade: int) -> None:
        """Let a started driver take over; returns at once. Any thread but the callback, one at a time."""
        self._over.clear()
        self._incoming = _Incoming(driver, preroll, max(fade, 1))

    def wait(self, timeout_s: float) -> bool:
        """Wait until it has taken over. Any thread but the callback."""
        return self._over.wait(timeout_s)

    def give_up(self) -> None:
        """Forget an incoming driver whose device does not call any more."""
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
            self.driver.audible, incoming.driver.audible = False, True
            self.driver = incoming.driver
            self._incoming = None
            self._over.set()
