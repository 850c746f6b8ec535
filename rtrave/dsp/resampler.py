"""Streaming band-limited resampler with a constant lag.

It uses soxr's variable-rate filter at a constant ratio, whose output keeps pace with the input to one sample. The
fixed-rate filter works in long blocks and holds back up to 23 ms from 44.1 to 48 kHz.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import soxr
from numpy.typing import NDArray

Audio = NDArray[np.float32]

_PROBE_CHUNK = 61  # samples: no multiple of a likely block of the filter
_PROBE_CHUNKS = 200


class Resampler:
    """Resampler of one signal, in chunks of any size. One thread at a time.

    Parameters
    ----------
    in_rate, out_rate : int
        Hz.
    channels : int
    """

    def __init__(self, in_rate: int, out_rate: int, channels: int) -> None:
        self._stream = soxr.ResampleStream(in_rate, out_rate, channels, "float32", "HQ", vr=True)

    def process(self, x: Audio) -> Audio:
        """Resample finite float32 [C, n] to [C, m]; after the start m is within 1 of n * out_rate / in_rate."""
        resampled: Audio = self._stream.resample_chunk(np.ascontiguousarray(x.T)).T
        return resampled


@cache
def lag_samples(in_rate: int, out_rate: int) -> float:
    """Return the largest lag of the output behind the input, in samples of the output rate, measured on the filter."""
    resampler, n_in, n_out, most = Resampler(in_rate, out_rate, 1), 0, 0, 0.0
    silence = np.zeros((1, _PROBE_CHUNK), np.float32)
    for _ in range(_PROBE_CHUNKS):
        n_out += resampler.process(silence).shape[1]
        n_in += _PROBE_CHUNK
        most = max(most, n_in * out_rate / in_rate - n_out)
    return most
