"""Levels: gains and their ramps, limiter, gate, meters, and samples that are no numbers. Signals are [C, T]."""

from __future__ import annotations

import itertools

import numpy as np

SILENT_DB = -70.0  # a gain at the bottom of its range is silence
LIMIT_CEILING = np.float32(10 ** (-0.1 / 20))  # -0.1 dBFS
LIMIT_RELEASE_S = 0.2  # from silence back to full gain
LOOKAHEAD_S = 0.0015  # the limiter's delay, in which its gain comes down
GATE_OFF_DB = -90.0  # a threshold at the bottom of its range opens the gate for good
GATE_ATTACK_S = 0.002
GATE_HOLD_S = 0.1
GATE_RELEASE_S = 0.15
MUTE_FADE = 64  # samples of the fades around a hop that is muted


def db_to_gain(level_db: float) -> np.float32:
    """Linear gain of a level in dB; -70 dB and less is silence."""
    return np.float32(0 if level_db <= SILENT_DB else 10 ** (level_db / 20))


def ramp(start: np.float32, end: np.float32, samples: int) -> np.float32 | np.ndarray:
    """From just after `start` to `end` over one hop, float32 [samples]; the plain number where nothing moves."""
    if start == end:
        return end
    return np.linspace(start, end, samples + 1, dtype=np.float32)[1:]


class Limiter:
    """Holds |y| below the ceiling; what never passes it is left bit for bit, only later by `delay` samples.

    It looks ahead by its delay: the gain comes down in a straight line before a peak, wherever the peak stands in a
    hop, and goes up again over `LIMIT_RELEASE_S`. All channels share it.

    Parameters
    ----------
    channels, hop, sample_rate : int

    Attributes
    ----------
    delay : int
        Samples.
    line : float32 [C, delay]
        What has come in and not gone out yet.
    gain : float32
        At the end of the last hop.
    """

    def __init__(self, channels: int, hop: int, sample_rate: int) -> None:
        self.delay = round(LOOKAHEAD_S * sample_rate)
        self.line = np.zeros((channels, self.delay), np.float32)
        self.gain = np.float32(1)
        self._both = np.zeros((channels, self.delay + hop), np.float32)
        index = np.arange(self.delay + hop + 1, dtype=np.float64)
        self._climb, self._fall = index / (LIMIT_RELEASE_S * sample_rate), index / self.delay

    def process(self, y: np.ndarray, on: bool) -> None:
        """Take y float32 [C, hop] in, and replace it by what goes out. Off, it only delays."""
        both, hop = self._both, y.shape[1]
        both[:, : self.delay] = self.line
        both[:, self.delay :] = y
        self.line[:] = both[:, hop:]
        y[:] = both[:, :hop]
        if self.gain == 1 and not (on and max(both.max(), -both.min()) > LIMIT_CEILING):
            return
        if on:
            needed = LIMIT_CEILING / np.maximum(np.abs(both).max(axis=0), LIMIT_CEILING)
        else:
            needed = np.ones(both.shape[1], np.float32)
        curve = np.concatenate(([self.gain], needed), dtype=np.float64)
        curve = np.minimum.accumulate(curve - self._climb) + self._climb
        curve = (np.minimum.accumulate(curve[::-1] - self._fall) + self._fall)[::-1]
        curve = np.minimum(curve[1 : hop + 1], needed[:hop])
        y *= curve.astype(np.float32)
        if on:
            np.clip(y, -LIMIT_CEILING, LIMIT_CEILING, out=y)  # the rounding of the product
        self.gain = np.float32(min(curve[-1], 1))

    def reset(self) -> None:
        """Back to silence."""
        self.line[:] = 0
        self.gain = np.float32(1)


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


def set_width(y: np.ndarray, width: np.float32 | np.ndarray) -> None:
    """Scale the difference of two channels, in place, y float32 [2, T]: 0 is mono, 1 as it is, 2 twice as far apart."""
    away = (y[0] - y[1]) * (np.float32(0.5) * (np.float32(1) - width))
    y[0] -= away
    y[1] += away


def fade(samples: int) -> np.ndarray:
    """A rise from just above 0 to just below 1 that starts and ends flat, float32 [samples]."""
    return (0.5 - 0.5 * np.cos(np.pi * (np.arange(samples) + 1) / (samples + 1))).astype(np.float32)


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
        self._up = fade(min(MUTE_FADE, hop))
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


def silence_nonfinite(signal: np.ndarray) -> int:
    """Set NaN and infinities to 0, in place; how many there were."""
    finite = np.isfinite(signal)
    if finite.all():
        return 0
    signal[~finite] = 0
    return int(signal.size - finite.sum())


def levels(signal: np.ndarray) -> tuple[float, float]:
    """Peak and root mean square."""
    numbers = signal.ravel().astype(np.float64)  # the square of a large float32 is none
    return max(float(numbers.max()), -float(numbers.min())), float(np.sqrt(np.dot(numbers, numbers) / numbers.size))
