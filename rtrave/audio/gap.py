"""Sound that fills the place of a hop that is not ready, without a click at either end. Callback only."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from rtrave.dsp.curves import raised_cosine
from rtrave.ipc.options import LatePolicy

Audio = NDArray[np.float32]
Dry = Callable[[Audio], None]

GAP_FADE = 64  # samples of the fades around a gap: long enough not to click
HOLD_SAMPLES = 2048  # of the sound that HOLD repeats, back and forth
HOLD_LIMIT_S = 1.0  # a held sound dies away in this time: a stuck engine must not drone


class GapFill:
    """Filler of gaps in a sound, by a policy. It works in place, sample by sample in order, and never waits.

    SILENCE: the last sample falls to zero. DRY: it falls while the dry signal rises. HOLD: the last sound is repeated
    backwards, then forwards, and so on, dying away. The sound after a gap is crossfaded with the filling.

    Parameters
    ----------
    channels, sample_rate : int
    policy : LatePolicy
    """

    def __init__(self, channels: int, sample_rate: int, policy: LatePolicy = LatePolicy.SILENCE) -> None:
        self.policy = policy
        curve = raised_cosine(GAP_FADE)
        self._up, self._down = curve, curve[::-1].copy()
        self._last = np.zeros((channels, 1), np.float32)  # the last sample played
        self._held = np.zeros((channels, 1), np.float32)  # the last sample before the gap
        self._gap_at = 0  # samples of the filling so far
        self._up_at = GAP_FADE  # samples of the crossfade back so far
        self._in_gap = False
        self._fill = np.zeros((channels, GAP_FADE), np.float32)  # filling that fades out after the gap
        self._past = np.zeros((channels, HOLD_SAMPLES), np.float32)  # the last sound played, a ring
        self._past_at = 0
        self._loop = np.zeros_like(self._past)  # sound that HOLD repeats in this gap, oldest first
        back = np.arange(HOLD_SAMPLES - 1, -1, -1)
        self._turns = np.concatenate([back[1:], back[::-1][1:]])  # indices into the loop, from its end backwards
        self._hold_samples = round(HOLD_LIMIT_S * sample_rate)

    def play(self, y: Audio, dry: Dry) -> None:
        """Play y, float32 [C, n], a piece of a hop that is ready: fade it in where a gap came before."""
        self._in_gap = False
        at = self._up_at
        m = min(y.shape[1], GAP_FADE - at)
        if m > 0:
            fill = self._fill[:, at : at + m]
            self._filling(fill, dry)
            up = self._up[at : at + m]
            y[:, :m] *= up
            y[:, :m] += fill * (1 - up)
            self._up_at += m
        self._remember(y)

    def bridge(self, y: Audio, dry: Dry) -> None:
        """Fill y, float32 [C, n], a piece of a hop that is not ready.

        Parameters
        ----------
        dry : callable
            Fills an array [C, m] with the dry signal from the place of y on; used by DRY.
        """
        if not y.shape[1]:
            return
        if not self._in_gap:
            self._held[:] = self._last
            self._gap_at = 0
            self._in_gap = True
            newest = HOLD_SAMPLES - self._past_at
            self._loop[:, :newest] = self._past[:, self._past_at :]
            self._loop[:, newest:] = self._past[:, : self._past_at]
        self._filling(y, dry)
        self._up_at = 0
        self._remember(y)

    def _filling(self, y: Audio, dry: Dry) -> None:
        n, at = y.shape[1], self._gap_at
        self._gap_at += n
        if self.policy is LatePolicy.HOLD:
            index = np.take(self._turns, np.arange(at, at + n), mode="wrap")
            np.take(self._loop, index, axis=1, out=y)
            fading = np.arange(at, at + n, dtype=np.float32)
            y *= np.maximum(1 - fading / np.float32(self._hold_samples), np.float32(0))
            return
        if self.policy is LatePolicy.DRY:
            dry(y)
        else:
            y.fill(0.0)
        m = min(n, GAP_FADE - at)
        if m > 0:
            y[:, :m] *= self._up[at : at + m]
            y[:, :m] += self._held * self._down[at : at + m]

    def _remember(self, y: Audio) -> None:
        if not y.shape[1]:
            return
        self._last[:] = y[:, -1:]
        if self.policy is not LatePolicy.HOLD:
            return
        y = y[:, -HOLD_SAMPLES:]
        n = y.shape[1]
        first = min(n, HOLD_SAMPLES - self._past_at)
        self._past[:, self._past_at : self._past_at + first] = y[:, :first]
        self._past[:, : n - first] = y[:, first:]
        self._past_at = (self._past_at + n) % HOLD_SAMPLES
