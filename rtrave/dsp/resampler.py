"""Sample rates while playing: a streaming band-limited resampler with a steady lag.

soxr's variable-rate filter is used at a constant ratio: its output keeps pace with the input to one sample, where the
fixed-rate one works in long blocks and holds back up to 23 ms at 44.1 to 48 kHz.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import soxr
from numpy.typing import NDArray

Audio = NDArray[np.float32]

_PROBE_CHUNK = 61  # samples: no multiple of anything the filter may work in
_PROBE_CHUNKS = 200


class Resampler:
    """One signal from one rate to another, in chunks of any size. One thread at a time.

    Parameters
    ----------
    in_rate, out_rate : int
        Hz.
    channels : int
    """

    def __init__(self, in_rate: int, out_rate: int, channels: int) -> None:
        self._stream = soxr.ResampleStream(in_rate, out_rate, channels, "float32", "HQ", vr=True)

    def process(self, x: Audio) -> Audio:
        """x float32 [C, n], finite -> float32 [C, m], m within one sample of n * out_rate / in_rate once it runs."""
        resampled: Audio = self._stream.resample_chunk(np.ascontiguousarray(x.T)).T
        return resampled


@cache
def lag_samples(in_rate: int, out_rate: int) -> float:
    """By how many samples of its own rate the output is shorter than the input at most: measured on the filter."""
    resampler, came, given, most = Resampler(in_rate, out_rate, 1), 0, 0, 0.0
    silence = np.zeros((1, _PROBE_CHUNK), np.float32)
    for _ in range(_PROBE_CHUNKS):
        given += resampler.process(silence).shape[1]
        came += _PROBE_CHUNK
        most = max(most, came * out_rate / in_rate - given)
    return most
