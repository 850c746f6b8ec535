"""A gate for models that hum on silence, and the mute of a hop without a sound. Signals are [C, T]."""

from __future__ import annotations

import itertools

import numpy as np

from rtrave.dsp.curves import raised_cosine

GATE_OFF_DB = -90.0  # a threshold at the bottom of its range opens the gate for good
GATE_ATTACK_S = 0.002
GATE_HOLD_S = 0.1
GATE_RELEASE_S = 0.15
MUTE_FADE = 64  # samples of the fades around a hop that is muted


class Gate:
    """Silences what is heard while nothing is played: for models that hum on silence.

    It opens in `GATE_ATTACK_S` when the opener reaches the threshold, stays open for `GATE_HOLD_S` after it was last
    reached, and closes over `GATE_RELEASE_S`.

    Parameters
    ----------
    sample_rate : int

    Attributes
    ----------
    gain : float
        At the end of the last hop.
    quiet : int
        Samples since the threshold was last reached.
    """

    def __init__(self, sample_rate: int) -> None:
        self._hold = round(GATE_HOLD_S * sample_rate)
        self._up, self._down = 1 / (GATE_ATTACK_S * sample_rate), 1 / (GATE_RELEASE_S * sample_rate)
        self.reset()

    def reset(self) -> None:
        """Open, as at the start."""
        self.gain, self.quiet = 1.0, 0

    def curve(self, opener: np.ndarray, threshold_db: float) -> np.ndarray | None:
        """Gain of each sample of a hop, float32 [T]; None where it is 1 throughout.

        Parameters
        ----------
        opener : float32 [C, T]
        threshold_db : float
            dBFS of the opener's samples; -90 and less opens the gate for good.
        """
        samples = opener.shape[1]
        index = np.arange(1, samples + 1)
        if threshold_db <= GATE_OFF_DB:
            if self.gain == 1:
                return None
            wanted = np.ones(samples, bool)
            self.quiet = 0
        else:
            loud = np.abs(opener).max(axis=0) >= 10 ** (threshold_db / 20)
            quiet = index - np.maximum.accumulate(np.where(loud, index, -self.quiet))
            wanted = quiet <= self._hold
            self.quiet = int(quiet[-1])
        if self.gain == 1 and wanted.all():
            return None
        edges = [0, *(np.flatnonzero(np.diff(wanted)) + 1), samples]
        curve = np.empty(samples, np.float32)
        for start, end in itertools.pairwise(edges):  # as many turns as the hold lets into a hop
            step = self._up if wanted[start] else -self._down
            curve[start:end] = np.clip(self.gain + step * index[: end - start], 0, 1)
            self.gain = float(curve[end - 1])
        return curve


class Mute:
    """Makes a hop that was silenced start and end without a click.

    Attributes
    ----------
    last : float32 [C, 1]
        The last sample of the hop before.
    muted : bool
        Whether that hop was silenced.
    """

    def __init__(self, channels: int, hop: int) -> None:
        self._up = raised_cosine(min(MUTE_FADE, hop))
        self.last = np.zeros((channels, 1), np.float32)
        self.muted = False

    def process(self, y: np.ndarray, muted: bool) -> None:
        """Prepare y, float32 [C, hop], in place; `muted`: it is silent because it was no sound."""
        n = len(self._up)
        if muted and not self.muted:
            y[:, :n] += self.last * self._up[::-1]
        elif self.muted and not muted:
            y[:, :n] *= self._up
        self.last[:] = y[:, -1:]
        self.muted = muted
