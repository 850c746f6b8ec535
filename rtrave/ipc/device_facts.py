"""Facts of the open device and of the driver on it, as the audio process reports them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from rtrave.ipc.options import BufferingMode, ChannelMap, LatencyRequest, LatePolicy

NULL = "null"  # host API of the device without hardware


@dataclass(frozen=True)
class Granted:
    """Privileges that the system grants the audio process.

    Parameters
    ----------
    nice : int
        Nice value; 0 where it may not be raised.
    realtime : bool
        A thread may have real-time scheduling (SCHED_FIFO).
    memory_locked : bool
        The memory is kept from being paged out.
    """

    nice: int = 0
    realtime: bool = False
    memory_locked: bool = False


@dataclass(frozen=True)
class DriverFacts:
    """Facts of a model's driver on the open device.

    Parameters
    ----------
    block : int or None
        Samples per callback at the device's rate; None where it changes from call to call.
    buffering : BufferingMode
        DIRECT or LOW_LATENCY.
    reason : str
        Why that mode was chosen, one line.
    buffering_samples : int
        Delay of the output by the buffering, at the model's rate.
    granted_s : float
        Time that the engine has for a hop.
    margin_s : float or None
        Time asked for between a full hop and its output; None where the engine runs in the callback.
    compute_s : float
        Time of the engine's slowest hops (99.9th percentile), measured at the start.
    late : LatePolicy
    device_rate : int
        Hz.
    limiter_samples : int
        Look-ahead of the limiter, at the model's rate.
    resampler_s : float
        Delay of both resamplers; 0 where the device runs at the model's rate.
    """

    block: int | None
    buffering: BufferingMode
    reason: str
    buffering_samples: int
    granted_s: float
    margin_s: float | None
    compute_s: float
    late: LatePolicy
    device_rate: int
    limiter_samples: int
    resampler_s: float


@dataclass(frozen=True)
class PortFacts:
    """The two ends of the open device.

    Parameters
    ----------
    input, output, host_api : str
        Names, as PortAudio gives them.
    found_by : tuple or None
        Input and output, by which a lost device is found again: a label, or the index where labels are not unique.
        None for the null device.
    latency_asked : "low", "high", float or None
        Latency asked of PortAudio; None for the null device.
    host_period : int or None
        Samples that the host moves at once; None where unknown.
    host_samples : int or None
        JACK: samples that PortAudio adds to the delay; None where unknown.
    input_latency_s, output_latency_s : float
        As the host reports them.
    input_channels, output_channels : ChannelMap
    second_input : ChannelMap or None
    """

    input: str
    output: str
    host_api: str
    found_by: tuple[int | str, int | str] | None
    latency_asked: LatencyRequest | None
    host_period: int | None
    host_samples: int | None
    input_latency_s: float
    output_latency_s: float
    input_channels: ChannelMap
    second_input: ChannelMap | None
    output_channels: ChannelMap


@dataclass(frozen=True)
class DeviceFacts:
    """Everything the control process knows of the open device.

    Parameters
    ----------
    sample_rate, hop : int
        Of the model that plays: Hz, samples.
    granted : Granted
    driver : DriverFacts
    ports : PortFacts
    """

    sample_rate: int
    hop: int
    granted: Granted
    driver: DriverFacts
    ports: PortFacts

    @property
    def callback_s(self) -> float:
        """Time between two callbacks in seconds, that of a hop where the block changes from call to call."""
        return (self.driver.block or self.hop) / self.sample_rate

    def to_json(self) -> dict[str, Any]:
        """Return the facts as one flat record, as `session.json` holds them."""
        ports = asdict(self.ports)
        for name in ("found_by", "latency_asked"):  # a null device has none
            if ports[name] is None:
                del ports[name]
        return {"sample_rate": self.sample_rate, "hop": self.hop} | asdict(self.granted) | asdict(self.driver) | ports
