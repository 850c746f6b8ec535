"""Routing between the channels of a device and those of a model. Channels count from 0 here."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rtrave.errors import RtraveError
from rtrave.ipc.options import ChannelMap

Audio = NDArray[np.float32]


def default_inputs(model_channels: int, device_channels: int) -> ChannelMap:
    """Map each input of the model to one channel of the device; a device with fewer channels repeats its last one."""
    return tuple((min(channel, device_channels - 1),) for channel in range(model_channels))


def default_outputs(model_channels: int, device_channels: int) -> ChannelMap:
    """Map each output of the model to channels of the device: mono to the first two, stereo one to one."""
    if model_channels == 1:
        return (tuple(range(min(2, device_channels))),)
    return tuple((min(channel, device_channels - 1),) for channel in range(model_channels))


def check_map(channels: ChannelMap, direction: str, model_channels: int, device_channels: int, device: str) -> None:
    """Refuse a channel map that does not fit the model or the device, in one line; `direction`: input or output."""
    if len(channels) != model_channels:
        raise RtraveError(
            f"{direction}s: expected as many as the model's channels, {model_channels}, got {len(channels)}: "
            f"name {direction}s for each"
        )
    for channel in (one for several in channels for one in several):
        if not 0 <= channel < device_channels:
            raise RtraveError(
                f"device '{device}': expected {direction} channels 1 to {device_channels}, got {channel + 1}: "
                "choose others"
            )


class Router:
    """Router of sound between the channels of a device and those of a model. Callback only.

    Parameters
    ----------
    inputs : ChannelMap
        An input with several device channels receives their mean: 1+2 of a stereo device is its mono sum, as loud as
        the two where they are alike.
    outputs : ChannelMap
        A device channel that several outputs play to receives their mean.
    max_block : int
        Most samples at once.
    """

    def __init__(self, inputs: ChannelMap, outputs: ChannelMap, max_block: int) -> None:
        self.inputs, self.outputs = inputs, outputs
        meeting = [device for several in outputs for device in several]
        self._routes = [
            (device, channel, np.float32(1.0 / meeting.count(device)))
            for channel, several in enumerate(outputs)
            for device in several
        ]
        self._scratch = np.zeros(max_block, np.float32)

    def take(self, indata: Audio, x: Audio) -> None:
        """Fill x [inputs, n] from indata [n, device channels]."""
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
