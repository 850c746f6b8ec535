"""Between a device and a model of another sample rate: resamplers on both sides of the driver. Callback only."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from rtrave.dsp.levels import silence_nonfinite
from rtrave.dsp.resampler import Resampler, lag_samples
from rtrave.errors import RtraveError
from rtrave.ipc.status import Status

Audio = NDArray[np.float32]

SLACK = 3  # samples: the lags are steady to one sample on each side, and round up to another


class RateBridge:
    """Bridge of two resamplers between the device's rate and the model's; it fills every block whole.

    Silence at the start makes up for the samples that the two resamplers hold back. Both follow the one clock of the
    device at an exact ratio, so nothing drifts.

    Parameters
    ----------
    inputs, channels : int
        Channels into and out of the engine.
    device_rate, model_rate : int
        Hz.
    max_block : int
        Most samples per call of `convert`, at the device's rate.
    status : Status
        Counts samples that are not finite. They must not enter a filter, which would keep a NaN for good.

    Attributes
    ----------
    delay_samples : int
        Delay of both resamplers together, at the device's rate.
    """

    def __init__(
        self, inputs: int, channels: int, device_rate: int, model_rate: int, max_block: int, status: Status
    ) -> None:
        self._status = status
        self._to_model = Resampler(device_rate, model_rate, inputs)
        self._to_device = Resampler(model_rate, device_rate, channels)
        lag = lag_samples(device_rate, model_rate) * device_rate / model_rate + lag_samples(model_rate, device_rate)
        self.delay_samples = math.ceil(lag) + SLACK
        self._fifo = np.zeros((channels, 2 * (self.delay_samples + max_block)), np.float32)
        self._waiting = self.delay_samples
        self._y = np.zeros((channels, math.ceil(max_block * model_rate / device_rate) + SLACK), np.float32)

    def convert(self, x: Audio, y: Audio, stream: Callable[[Audio, Audio], None]) -> None:
        """Fill y [C, n] from x [inputs, n], float32 at the device's rate, through `stream` (x, y) at the model's rate.

        NaN and infinities in x are replaced by 0 in place. RtraveError where a resampler holds back more samples than
        its lag.
        """
        n = x.shape[1]
        if nonfinite := silence_nonfinite(x):
            self._status.add("nonfinite_device", nonfinite)
        model_x = self._to_model.process(x)
        model_y = self._y[:, : model_x.shape[1]]
        if model_y.shape[1]:
            stream(model_x, model_y)
            new = self._to_device.process(model_y)
            self._fifo[:, self._waiting : self._waiting + new.shape[1]] = new
            self._waiting += new.shape[1]
        if self._waiting < n:
            raise RtraveError(f"resampler: expected {n} samples, got {self._waiting}: its lag is longer than measured")
        y[:] = self._fifo[:, :n]
        self._waiting -= n
        self._fifo[:, : self._waiting] = self._fifo[:, n : n + self._waiting].copy()
