"""From a configuration to an open stream: device, channels, buffering and driver. Audio process."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rtrave.audio import device as devices
from rtrave.audio import host as hosts
from rtrave.audio.callback import Driver
from rtrave.audio.null import NullStream, load_input
from rtrave.audio.shared import Shared
from rtrave.errors import RtraveError

if TYPE_CHECKING:
    from rtrave.engine import Engine


class NoDeviceError(RtraveError):
    """There is no sound card to take by default."""


@dataclass(frozen=True)
class Config:
    """What the audio process is told on its first line.

    Parameters
    ----------
    shared : dict
        {"path": file of the shared memory, "spec": SharedSpec as a dict}.
    graph : str
        Folder of the compiled graph.
    device : dict
        {"input": D, "output": D} with D an index, a name or null for the default; or {"null": path of a
        .npy}, float32 [T, C], which plays without hardware.
    seed, threads : int
        Of the engine.
    buffering : str
        "auto", "direct" or "low-latency".
    block_size : int or None
        Samples per callback; None leaves it to `choose_buffering`, which knows better.
    input_channels : list of int or None
        Device channel for each model channel, from 0.
    output_channels : list of list of int or None
        Device channels for each model channel, from 0.
    first_latent_frame : int
        Index of the first latent frame; the count goes on after a restart.
    clips : list of str
        Files with the latents of the second source's clips.
    latency : "low", "high" or float
        Asked of PortAudio; seconds.
    """

    shared: dict[str, Any]
    graph: str
    device: dict[str, Any]
    seed: int = 0
    threads: int = 1
    buffering: str = "auto"
    block_size: int | None = None
    input_channels: list[int] | None = None
    output_channels: list[list[int]] | None = None
    first_latent_frame: int = 0
    clips: list[str] = field(default_factory=list)
    latency: str | float = "low"


@dataclass(frozen=True)
class Opened:
    """An open stream, not started, what drives it, and what the parent is told of it."""

    stream: Any
    driver: Driver
    host: hosts.Host
    told: dict[str, Any]


def _driver(
    engine: Engine,
    shared: Shared,
    host: hosts.Host,
    plan: devices.Buffering,
    period: devices.HostPeriod | None,
) -> Driver:
    if plan.mode == "low-latency":
        return Driver(engine, shared, host, plan.block)
    deadline = min(period.period if period else engine.hop, engine.hop)
    return Driver(engine, shared, host, plan.block, deadline / engine.sample_rate)


def _channel_maps(
    config: Config, model_channels: int, source: tuple[str, int], sink: tuple[str, int]
) -> tuple[list[int], list[list[int]]]:
    """Input list and output map, as given or by default; `source`, `sink`: name and channel count."""
    inputs = config.input_channels
    inputs = hosts.default_inputs(model_channels, source[1]) if inputs is None else inputs
    outputs = config.output_channels
    outputs = hosts.default_outputs(model_channels, sink[1]) if outputs is None else outputs
    hosts.check_inputs(inputs, model_channels, source[1], source[0])
    hosts.check_outputs(outputs, model_channels, sink[1], sink[0])
    return inputs, outputs


def open_null(config: Config, engine: Engine, shared: Shared) -> Opened:
    """The null device: loops an array, paced by the clock."""
    path = Path(config.device["null"])
    data = load_input(path)
    sink_channels = 1 + max([1, *(d for several in config.output_channels or [] for d in several)])
    inputs, outputs = _channel_maps(config, engine.channels, (path.name, data.shape[1]), ("null", sink_channels))
    block = config.block_size or (512 if config.buffering == "low-latency" else engine.hop)
    period = devices.HostPeriod(block, block)
    plan = devices.choose_buffering(config.buffering, engine.hop, period, block)
    host = hosts.Host(shared.status, engine.sample_rate, engine.hop, inputs, outputs, scheduled=True)
    driver = _driver(engine, shared, host, plan, period)
    stream = NullStream(driver, data, engine.sample_rate, block, sink_channels)
    told = {
        "input": f"null: {path.name}",
        "output": "null",
        "host_api": "null",
        "host_period": block,
        "host_samples": 0,
        "input_latency_s": 0.0,
        "output_latency_s": 0.0,
    }
    return Opened(stream, driver, host, told | _told(driver, plan, inputs, outputs))


def _told(
    driver: Driver,
    plan: devices.Buffering,
    inputs: list[int],
    outputs: list[list[int]],
) -> dict[str, Any]:
    return {
        "block": plan.block,  # None where it changes from call to call
        "buffering": plan.mode,
        "reason": plan.reason,
        "buffering_samples": driver.buffering_samples,
        "input_channels": inputs,
        "output_channels": outputs,
    }


def _resolve(config: Config) -> tuple[devices.DeviceInfo, devices.DeviceInfo]:
    wanted = config.device.get("input"), config.device.get("output")
    default = devices.pick_default() if None in wanted else None
    if None in wanted and default is None:
        raise NoDeviceError("no sound card with an input and an output was found: plug one in, or start JACK")
    found = devices.list_devices()

    def one(which: int, direction: str) -> devices.DeviceInfo:
        name = wanted[which]
        return default[which] if name is None and default else devices.resolve(found, name or 0, direction)

    return one(0, "input"), one(1, "output")


def open_device(config: Config, engine: Engine, shared: Shared) -> Opened:
    """A real device: resolved, checked, its period probed, opened. RtraveError where any of it is refused."""
    source, sink = _resolve(config)
    inputs, outputs = _channel_maps(
        config, engine.channels, (source.name, source.input_channels), (sink.name, sink.output_channels)
    )
    channels = max(inputs) + 1, max(d for several in outputs for d in several) + 1
    devices.check_sample_rate(source, "input", engine.sample_rate, channels[0])
    devices.check_sample_rate(sink, "output", engine.sample_rate, channels[1])
    period = devices.probe_host_period(source, sink, channels, engine.sample_rate, engine.hop)
    jack = sink.host_api == devices.JACK
    plan = devices.choose_buffering(config.buffering, engine.hop, period, config.block_size, open_ended=jack)
    host = hosts.Host(shared.status, engine.sample_rate, engine.hop, inputs, outputs)
    driver = _driver(engine, shared, host, plan, period)
    stream = devices.open_stream(source, sink, channels, engine.sample_rate, plan.asked, config.latency, driver)
    told = {
        "input": source.name,
        "output": sink.name,
        "host_api": source.host_api,
        "host_period": period.period if period else None,
        # On JACK PortAudio's output latency is one period and what PortAudio adds for a block it was asked for.
        "host_samples": round(stream.latency[1] * engine.sample_rate) - period.period if jack and period else None,
        "input_latency_s": stream.latency[0],
        "output_latency_s": stream.latency[1],
    }
    return Opened(stream, driver, host, told | _told(driver, plan, inputs, outputs))
