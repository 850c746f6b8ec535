"""Gate for models that hum on silence, and fades around muted hops. Signals are [C, T]."""

from __future__ import annotations

import itertools

import numpy as np

from rtrave.dsp.curves import raised_cosine

GATE_OFF_DB = -90.0  # at this threshold and below the gate is always open
GATE_ATTACK_S = 0.002
GATE_HOLD_S = 0.1
GATE_RELEASE_S = 0.15
MUTE_FADE = 64  # samples of the fades around a muted hop


class Gate:
    """Gate that silences the output while the input is quiet, for models that hum on silence.

    It opens within `GATE_ATTACK_S` when the opener reaches the threshold, stays open for `GATE_HOLD_S` after the last
    sample at the threshold, and closes within `GATE_RELEASE_S`.

    Parameters
    ----------
    sample_rate : int

    Attributes
    ----------
    gain : float
        Gain at the end of the last hop.
    quiet : int
        Samples since the opener last reached the threshold.
    """

    def __init__(self, sample_rate: int) -> None:
        self._hold = round(GATE_HOLD_S * sample_rate)
        self._up, self._down = 1 / (GATE_ATTACK_S * sample_rate), 1 / (GATE_RELEASE_S * sample_rate)
        self.reset()

    def reset(self) -> None:
        """Open the gate, as at the start."""
        self.gain, self.quiet = 1.0, 0

    def curve(self, opener: np.ndarray, threshold_db: float) -> np.ndarray | None:
        """Return the gain of each sample of a hop, float32 [T]; None if it is 1 throughout.

        Parameters
        ----------
        opener : float32 [C, T]
        threshold_db : float
            Threshold for the samples of the opener in dBFS; at -90 and below the gate is always open.
        """
        samples = opener.shape[1]
        index = np.arange(1, samples + 1)
        if threshold_db <= GATE_OFF_DB:
            if self.gain == 1:
                return None
            opened = np.ones(samples, bool)
            self.quiet = 0
        else:
            loud = np.abs(opener).max(axis=0) >= 10 ** (threshold_db / 20)
            quiet = index - np.maximum.accumulate(np.where(loud, index, -self.quiet))
            opened = quiet <= self._hold
            self.quiet = int(quiet[-1])
        if self.gain == 1 and opened.all():
            return None
        edges = [0, *(np.flatnonzero(np.diff(opened)) + 1), samples]
        curve = np.empty(samples, np.float32)
        for start, end in itertools.pairwise(edges):  # the hold bounds the number of edges in a hop
            step = self._up if opened[start] else -self._down
            curve[start:end] = np.clip(self.gain + step * index[: end - start], 0, 1)
            self.gain = float(curve[end - 1])
        return curve


class Mute:
    """Fades around muted hops, which avoid clicks.

    Attributes
    ----------
    last : float32 [C, 1]
        Last sample of the previous hop.
    muted : bool
        True if the previous hop was muted.
    """

    def __init__(self, channels: int, hop: int) -> None:
        self._up = raised_cosine(min(MUTE_FADE, hop))
        self.last = np.zeros((channels, 1), np.float32)
        self.muted = False

    def process(self, y: np.ndarray, muted: bool) -> None:
        """Fade y, float32 [C, hop], in place; `muted` marks a hop that was silenced because it held no valid sound."""
        n = len(self._up)
        if muted and not self.muted:
            y[:, :n] += self.last * self._up[::-1]
        elif self.muted and not muted:
            y[:, :n] *= self._up
        self.last[:] = y[:, -1:]
        self.muted = muted
