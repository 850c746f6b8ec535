"""Options of the audio process, the same record from the command line to where the device is opened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Literal, TypeAlias

ChannelMap: TypeAlias = tuple[tuple[int, ...], ...]  # for each channel of the model its device channels, from 0
LatencyRequest: TypeAlias = Literal["low", "high"] | float  # asked of PortAudio; a number is in seconds
HostSetting: TypeAlias = bool | int | str | tuple[int, ...]


class BufferingMode(StrEnum):
    """Place of the engine: see docs/latency.md, "Buffering"."""

    AUTO = "auto"  # DIRECT where the host's period holds a hop, LOW_LATENCY otherwise
    DIRECT = "direct"  # in the device's callback
    LOW_LATENCY = "low-latency"  # in a thread beside the callback


class LatePolicy(StrEnum):
    """Sound that fills the place of a hop that is not ready: docs/latency.md, "When a hop is late"."""

    HOLD = "hold"  # the last sound, back and forth, dying away
    DRY = "dry"  # the input
    SILENCE = "silence"


@dataclass(frozen=True)
class SoundCard:
    """A device of PortAudio: each end an index, a name or a part of one; None takes the default."""

    input: int | str | None = None
    output: int | str | None = None


@dataclass(frozen=True)
class NullDevice:
    """A device without hardware, paced by the clock, which loops an array and discards the output.

    Parameters
    ----------
    sound : Path or None
        A .npy file, float32 [T, C]. None until the control process has written one.
    sample_rate : int or None
        Hz; None takes the model's.
    """

    sound: Path | None = None
    sample_rate: int | None = None


@dataclass(frozen=True)
class RunOptions:
    """Options of playing, for the whole run: they outlast changes of the model and restarts of the audio process.

    Parameters
    ----------
    device : SoundCard or None
        None plays the null device.
    null : NullDevice
        What the null device plays, where `device` is None.
    seed : int
        Default of the control that chooses the noise source's seed.
    threads : int
        Processor cores of the engine.
    buffering : BufferingMode
    block_size : int or None
        Samples per callback, 16 to 16384; None leaves the choice to `rtrave.audio.buffering`.
    latency : "low", "high" or float
        Latency asked of PortAudio; seconds.
    host_settings : mapping
        Settings of the device's host API, by name: `rtrave.audio.device.HOST_SETTINGS`.
    margin_ms : float or None
        Low-latency: time between a full hop and its output, above 0 and at most 1000; None measures the engine.
    late : LatePolicy
    input_channels, output_channels : ChannelMap or None
        None takes the first ones.
    second_input : ChannelMap or None
        Channels of the second input; None has no second input.
    """

    device: SoundCard | None
    null: NullDevice = NullDevice()
    seed: int = 0
    threads: int = 1
    buffering: BufferingMode = BufferingMode.AUTO
    block_size: int | None = None
    latency: LatencyRequest = "low"
    host_settings: Mapping[str, HostSetting] = field(default_factory=dict)
    margin_ms: float | None = None
    late: LatePolicy = LatePolicy.HOLD
    input_channels: ChannelMap | None = None
    output_channels: ChannelMap | None = None
    second_input: ChannelMap | None = None
