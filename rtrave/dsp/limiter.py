"""Look-ahead limiter. Signals are [C, T]."""

from __future__ import annotations

import numpy as np

LIMIT_CEILING = np.float32(10 ** (-0.1 / 20))  # -0.1 dBFS
LIMIT_RELEASE_S = 0.2  # from silence back to full gain
LOOKAHEAD_S = 0.0015  # delay of the limiter, in which its gain falls


class Limiter:
    """Look-ahead limiter that keeps |y| below the ceiling and delays y by `delay` samples.

    A signal that stays below the ceiling passes bit for bit. Before a peak, at any place in a hop, the gain falls in a
    straight line over the delay; after it the gain rises over `LIMIT_RELEASE_S`. All channels share the gain.

    Parameters
    ----------
    channels, hop, sample_rate : int

    Attributes
    ----------
    delay : int
        Samples.
    line : float32 [C, delay]
        Samples inside the delay line.
    gain : float32
        Gain at the end of the last hop.
    """

    def __init__(self, channels: int, hop: int, sample_rate: int) -> None:
        self.delay = round(LOOKAHEAD_S * sample_rate)
        self.line = np.zeros((channels, self.delay), np.float32)
        self.gain = np.float32(1)
        self._both = np.zeros((channels, self.delay + hop), np.float32)
        index = np.arange(self.delay + hop + 1, dtype=np.float64)
        self._climb, self._fall = index / (LIMIT_RELEASE_S * sample_rate), index / self.delay

    def process(self, y: np.ndarray, on: bool) -> None:
        """Replace y, float32 [C, hop], by the delayed output; with `on` False, only delay it."""
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
            np.clip(y, -LIMIT_CEILING, LIMIT_CEILING, out=y)  # removes the rounding of the product
        self.gain = np.float32(min(curve[-1], 1))

    def reset(self) -> None:
        """Clear the delay line and set the gain to 1."""
        self.line[:] = 0
        self.gain = np.float32(1)
