"""From a configuration to an open stream: device, channels, buffering and driver. Audio process."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rtrave.audio import buffering
from rtrave.audio import device as devices
from rtrave.audio import host as hosts
from rtrave.audio.buffering import Buffering, HostPeriod
from rtrave.audio.crossfader import Crossfader
from rtrave.audio.driver import Drive, Driver
from rtrave.audio.gap import POLICIES
from rtrave.audio.null import NullStream, load_input
from rtrave.audio.rates import RateBridge
from rtrave.audio.routing import Map, check_map, default_inputs, default_outputs
from rtrave.errors import RtraveError
from rtrave.ipc.shared_memory import Shared

if TYPE_CHECKING:
    from rtrave.engine.engine import Engine


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
        .npy}, float32 [T, C], which plays without hardware, with "sample_rate" (Hz) where it is not the model's.
    seed, threads : int
        Of the engine.
    buffering : str
        "auto", "direct" or "low-latency".
    block_size : int or None
        Samples per callback; None leaves it to `choose_buffering`, which knows better.
    input_channels : list of list of int or None
        Device channels for each model channel, from 0; it hears their mean.
    output_channels : list of list of int or None
        Device channels for each model channel, from 0.
    second_input : list of list of int or None
        Device channels of the second source, for each model channel, from 0; None has none.
    margin_ms : float or None
        Low-latency: time between a full hop and its output; None measures what the engine needs.
    late : str
        What is heard in place of a hop that is not there: "hold", "dry" or "silence".
    model : int
        How many models have played in this run before this one.
    first_latent_frame : int
        Index of the first latent frame; the count goes on after a restart.
    clips : list of str
        Files with the latents of the second source's clips.
    latency : "low", "high" or float
        Asked of PortAudio; seconds.
    host_settings : dict
        For the device's host API: see `rtrave.audio.device.HOST_SETTINGS`.
    fade_in : bool
        The sound comes back after a gap: let it rise.
    """

    shared: dict[str, Any]
    graph: str
    device: dict[str, Any]
    seed: int = 0
    threads: int = 1
    buffering: str = "auto"
    block_size: int | None = None
    input_channels: Map | None = None
    output_channels: Map | None = None
    second_input: Map | None = None
    margin_ms: float | None = None
    late: str = "hold"
    model: int = 0
    first_latent_frame: int = 0
    clips: list[str] = field(default_factory=list)
    latency: str | float = "low"
    host_settings: dict[str, Any] = field(default_factory=dict)
    fade_in: bool = False


@dataclass(frozen=True)
class Opened:
    """An open stream, not started, what drives it and how, and what the parent is told of it."""

    stream: Any
    deck: Crossfader
    host: hosts.Host
    plan: Buffering
    told: dict[str, Any]


def make_driver(
    config: Config,
    engine: Engine,
    host: hosts.Host,
    shared: Shared,
    plan: Buffering,
    compute_s: float,
    publishing: bool = True,
    model: int | None = None,
) -> tuple[Driver, dict[str, Any]]:
    """A driver, and what is told of it.

    Parameters
    ----------
    plan : Buffering
        Of the open device; whether the engine runs in the callback is decided anew for its hop.
    compute_s : float
        The engine's slowest hops (p99.9).
    publishing : bool
        Whether it writes to the rings and counters from the beginning.
    model : int or None
        How many models have played before; None takes the configuration's.
    """
    if config.late not in POLICIES:
        raise RtraveError(f"late policy '{config.late}' is unknown: use {', '.join(POLICIES)}")
    if config.margin_ms is not None and not 0 < config.margin_ms <= 1000:
        raise RtraveError(f"margin of {config.margin_ms:g} ms: give more than 0, at most 1000")
    rate, device_rate = engine.sample_rate, host.sample_rate
    exact = rate == device_rate
    margin_s = buffering.margin_for(compute_s) if config.margin_ms is None else config.margin_ms / 1000
    mode, reason = buffering.choose_mode(config.buffering, engine.hop * device_rate / rate, plan.period)
    threaded = mode == "low-latency"
    block = plan.block if exact else None  # behind a resampler blocks differ by one sample
    period = max(plan.period or 0, 0 if exact else plan.block or 0) * rate / device_rate or None
    if threaded:
        delay = buffering.threaded_delay(engine.hop, rate, block, period, margin_s, exact)
    else:
        delay = buffering.direct_delay(engine.hop, rate, block, period)
    sizes = (engine.inputs, engine.channels)
    rates = None if exact else RateBridge(*sizes, device_rate, rate, hosts.MAX_BLOCK, shared.status)
    count = config.model if model is None else model
    if config.fade_in and publishing:
        host.fade_in(round((delay.samples + engine.dry_delay) * device_rate / rate))
    driver = Driver(engine, shared, host, Drive(threaded, delay, config.late), rates, publishing, count)
    return driver, {
        "block": plan.block,  # None where it changes from call to call
        "buffering": mode,
        "reason": reason,
        "buffering_samples": delay.samples,
        "granted_s": delay.granted_s,
        "margin_s": margin_s if threaded else None,
        "compute_s": compute_s,
        "late": config.late,
        "device_rate": device_rate,
        "limiter_samples": engine.limiter_delay,
        "resampler_s": rates.delay_samples / device_rate if rates else 0.0,
    }


def _channel_maps(
    config: Config, model_channels: int, source: tuple[str, int], sink: tuple[str, int]
) -> tuple[Map, Map]:
    """Map of all inputs, the second source's last, and of the outputs; `source`, `sink`: name and channel count."""
    inputs = config.input_channels
    inputs = default_inputs(model_channels, source[1]) if inputs is None else inputs
    outputs = config.output_channels
    outputs = default_outputs(model_channels, sink[1]) if outputs is None else outputs
    check_map(inputs, "input", model_channels, source[1], source[0])
    check_map(outputs, "output", model_channels, sink[1], sink[0])
    if config.second_input is not None:
        check_map(config.second_input, "second input", model_channels, source[1], source[0])
    return [*inputs, *(config.second_input or [])], outputs


def _highest(channels: Map) -> int:
    return max(device for several in channels for device in several)


def open_null(
    config: Config, engine: Engine, shared: Shared, compute_s: float, make_host: Callable[..., hosts.Host] = hosts.Host
) -> Opened:
    """The null device: loops an array, paced by the clock."""
    path = Path(config.device["null"])
    data = load_input(path)
    rate = config.device.get("sample_rate") or engine.sample_rate
    hop = engine.hop * rate / engine.sample_rate
    sink_channels = 1 + max([1, *(d for several in config.output_channels or [] for d in several)])
    inputs, outputs = _channel_maps(config, engine.channels, (path.name, data.shape[1]), ("null", sink_channels))
    block = config.block_size or (512 if config.buffering == "low-latency" else math.ceil(hop))
    plan = buffering.choose_buffering(config.buffering, hop, HostPeriod(block, block), block)
    host = make_host(shared.status, rate, inputs, outputs, scheduled=True)
    driver, told = make_driver(config, engine, host, shared, plan, compute_s)
    deck = Crossfader(host, driver)
    stream = NullStream(deck, data, rate, block, sink_channels)
    told |= {
        "input": f"null: {path.name}",
        "output": "null",
        "host_api": "null",
        "host_period": block,
        "host_samples": 0,
        "input_latency_s": 0.0,
        "output_latency_s": 0.0,
        "input_channels": inputs[: engine.channels],
        "second_input": config.second_input,
        "output_channels": outputs,
    }
    return Opened(stream, deck, host, plan, told)


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


def open_device(
    config: Config, engine: Engine, shared: Shared, compute_s: float, make_host: Callable[..., hosts.Host] = hosts.Host
) -> Opened:
    """A real device: resolved, its rate and period found out, opened. RtraveError where any of it is refused."""
    source, sink = _resolve(config)
    inputs, outputs = _channel_maps(
        config, engine.channels, (source.name, source.input_channels), (sink.name, sink.output_channels)
    )
    channels = _highest(inputs) + 1, _highest(outputs) + 1
    rate = devices.choose_sample_rate(source, sink, channels, engine.sample_rate)
    hop = engine.hop * rate / engine.sample_rate
    period = devices.probe_host_period(source, sink, channels, rate, hop)
    jack = sink.host_api == devices.JACK
    plan = buffering.choose_buffering(config.buffering, hop, period, config.block_size, open_ended=jack)
    host = make_host(shared.status, rate, inputs, outputs)
    driver, told = make_driver(config, engine, host, shared, plan, compute_s)
    deck = Crossfader(host, driver)
    extra = devices.host_settings(sink.host_api, config.host_settings)
    stream = devices.open_stream(source, sink, channels, rate, plan.asked, config.latency, deck, extra)
    labels = [device.label for device in devices.list_devices()]
    told |= {
        "input": source.name,
        "output": sink.name,
        "host_api": source.host_api,
        # By which they are found again after they were away; where there are twins, by their number.
        "found_by": [end.label if labels.count(end.label) == 1 else end.index for end in (source, sink)],
        "latency_asked": config.latency,
        "host_period": period.period if period else None,
        # On JACK PortAudio's output latency is one period and what PortAudio adds for a block it was asked for.
        "host_samples": round(stream.latency[1] * rate) - period.period if jack and period else None,
        "input_latency_s": stream.latency[0],
        "output_latency_s": stream.latency[1],
        "input_channels": inputs[: engine.channels],
        "second_input": config.second_input,
        "output_channels": outputs,
    }
    return Opened(stream, deck, host, plan, told)
