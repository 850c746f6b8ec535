"""Which channels of a device a model hears and plays to. Channels count from 0 here."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rtrave.errors import RtraveError

Audio = NDArray[np.float32]
Map = list[list[int]]  # for each model channel the device's channels


def default_inputs(model_channels: int, device_channels: int) -> Map:
    """Device channel heard by each model channel; a device with fewer channels repeats its last one."""
    return [[min(channel, device_channels - 1)] for channel in range(model_channels)]


def default_outputs(model_channels: int, device_channels: int) -> Map:
    """Device channels played by each model channel: mono goes to the first two, stereo one to one."""
    if model_channels == 1:
        return [list(range(min(2, device_channels)))]
    return [[min(channel, device_channels - 1)] for channel in range(model_channels)]


def check_map(
    channels: Sequence[Sequence[int]], direction: str, model_channels: int, device_channels: int, device: str
) -> None:
    """Refuse a channel map that does not fit the model or the device, in one line; `direction`: input or output."""
    if len(channels) != model_channels:
        given = f"{direction}s for {len(channels)} channels given"
        raise RtraveError(f"{given}, the model has {model_channels}: name {direction}s for each")
    for channel in (one for several in channels for one in several):
        if not 0 <= channel < device_channels:
            raise RtraveError(f"no {direction} channel {channel}: device '{device}' has 0 to {device_channels - 1}")


class Router:
    """Carries sound between a device's channels and a model's. Callback only.

    Parameters
    ----------
    inputs : Map
        Where several device channels meet in one model channel, it hears their mean: 1+2 of a stereo device is its
        mono sum, as loud as the two where they are alike.
    outputs : Map
        Where several model channels meet on one device channel, it gets their mean.
    max_block : int
        Most samples at once.
    """

    def __init__(self, inputs: Map, outputs: Map, max_block: int) -> None:
        self.inputs, self.outputs = inputs, outputs
        meeting = [device for several in outputs for device in several]
        self._routes = [
            (device, channel, np.float32(1.0 / meeting.count(device)))
            for channel, several in enumerate(outputs)
            for device in several
        ]
        self._scratch = np.zeros(max_block, np.float32)

    def take(self, indata: Audio, x: Audio) -> None:
        """Fill x [C, n] from indata [n, device channels]."""
        for channel, several in enumerate(self.inputs):
            x[channel] = indata[:, several[0]]
            if len(several) > 1:
                for device in several[1:]:
                    x[channel] += indata[:, device]
                x[channel] *= np.float32(1 / len(several))

    def give(self, y: Audio, outdata: Audio) -> None:
        """Fill all of outdata [n, device channels] from y [C, n]."""
        outdata.fill(0.0)
        scratch = self._scratch[: y.shape[1]]
        for device, channel, gain in self._routes:
            np.multiply(y[channel], gain, out=scratch)
            outdata[:, device] += scratch
