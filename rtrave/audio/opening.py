"""Open a stream from the options of a run: device, channels, buffering and driver. Audio process."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rtrave.audio import buffering
from rtrave.audio import device as devices
from rtrave.audio.buffering import Buffering, HostPeriod
from rtrave.audio.crossfader import Crossfader
from rtrave.audio.driver import Drive, Driver
from rtrave.audio.driver_state import DriverState
from rtrave.audio.host import MAX_BLOCK, Host
from rtrave.audio.null import NullStream, load_input
from rtrave.audio.rates import RateBridge
from rtrave.audio.routing import check_map, default_inputs, default_outputs
from rtrave.errors import RtraveError
from rtrave.ipc.device_facts import NULL, DriverFacts, PortFacts
from rtrave.ipc.options import BufferingMode, ChannelMap, RunOptions, SoundCard
from rtrave.ipc.shared_memory import Shared

if TYPE_CHECKING:
    from rtrave.engine.engine import Engine

NULL_BLOCK = 512  # samples per callback of the null device, low-latency
MARGIN_LIMIT_MS = 1000.0


class NoDeviceError(RtraveError):
    """No sound card can be taken by default."""


@dataclass(frozen=True)
class Plan:
    """Everything that puts a driver on the open device.

    Parameters
    ----------
    options : RunOptions
    host : Host
    buffering : Buffering
        Of the open device. Where the engine runs is decided for each driver, by its hop.
    """

    options: RunOptions
    host: Host
    buffering: Buffering


@dataclass(frozen=True)
class Opened:
    """An open stream, not started, and everything on it.

    Parameters
    ----------
    stream
        A stream of sounddevice, or a `NullStream`.
    crossfader : Crossfader
        The callback.
    plan : Plan
    driver, ports
        Facts for the control process.
    """

    stream: Any
    crossfader: Crossfader
    plan: Plan
    driver: DriverFacts
    ports: PortFacts


def make_driver(
    plan: Plan,
    engine: Engine,
    shared: Shared,
    compute_s: float,
    state: DriverState = DriverState.LIVE,
    model_index: int = 0,
) -> tuple[Driver, DriverFacts]:
    """Put an engine on the open device.

    Parameters
    ----------
    compute_s : float
        The engine's slowest hops (99.9th percentile).
    state, model_index
        As in `Driver`.

    Raises
    ------
    RtraveError
        A margin out of range.
    """
    options, host, device = plan.options, plan.host, plan.buffering
    rate, device_rate = engine.sample_rate, host.sample_rate
    exact = rate == device_rate
    margin_s = _margin_s(options.margin_ms, compute_s)
    mode, reason = buffering.choose_mode(options.buffering, engine.hop * device_rate / rate, device.period)
    threaded = mode is BufferingMode.LOW_LATENCY
    block = device.block if exact else None  # behind a resampler blocks differ by one sample
    period = max(device.period or 0, 0 if exact else device.block or 0) * rate / device_rate or None
    if threaded:
        delay = buffering.threaded_delay(engine.hop, rate, block, period, margin_s, exact)
    else:
        delay = buffering.direct_delay(engine.hop, rate, block, period)
    sizes = (engine.inputs, engine.channels)
    rates = None if exact else RateBridge(*sizes, device_rate, rate, MAX_BLOCK, shared.status)
    driver = Driver(engine, shared, host, Drive(threaded, delay, options.late), rates, state, model_index)
    return driver, DriverFacts(
        block=device.block,
        buffering=mode,
        reason=reason,
        buffering_samples=delay.samples,
        granted_s=delay.granted_s,
        margin_s=margin_s if threaded else None,
        compute_s=compute_s,
        late=options.late,
        device_rate=device_rate,
        limiter_samples=engine.limiter_delay,
        resampler_s=rates.delay_samples / device_rate if rates else 0.0,
    )


def _margin_s(margin_ms: float | None, compute_s: float) -> float:
    if margin_ms is None:
        return buffering.margin_for(compute_s)
    if not 0 < margin_ms <= MARGIN_LIMIT_MS:
        raise RtraveError(f"--margin: expected more than 0, at most {MARGIN_LIMIT_MS:.0f} ms, got {margin_ms:g}")
    return margin_ms / 1000


def channel_maps(
    options: RunOptions, model_channels: int, source: tuple[str, int], sink: tuple[str, int]
) -> tuple[ChannelMap, ChannelMap]:
    """Map all inputs, those of the second input last, and the outputs; `source`, `sink`: name and channel count.

    RtraveError for a map that does not fit the model or the device.
    """
    inputs = options.input_channels
    inputs = default_inputs(model_channels, source[1]) if inputs is None else inputs
    outputs = options.output_channels
    outputs = default_outputs(model_channels, sink[1]) if outputs is None else outputs
    check_map(inputs, "input", model_channels, source[1], source[0])
    check_map(outputs, "output", model_channels, sink[1], sink[0])
    if options.second_input is not None:
        check_map(options.second_input, "second input", model_channels, source[1], source[0])
    return (*inputs, *(options.second_input or ())), outputs


def open_audio(
    options: RunOptions,
    engine: Engine,
    shared: Shared,
    compute_s: float,
    model_index: int = 0,
    make_host: Callable[..., Host] = Host,
) -> Opened:
    """Open the device that the options name, and put the first driver on it.

    Parameters
    ----------
    make_host : callable
        As the constructor of `Host`.

    Raises
    ------
    NoDeviceError
        No default device.
    RtraveError
        The device, its channels or its rate are refused; one line.
    """
    if options.device is None:
        return _open_null(options, engine, shared, compute_s, model_index, make_host)
    return _open_device(options, options.device, engine, shared, compute_s, model_index, make_host)


def _open_null(
    options: RunOptions,
    engine: Engine,
    shared: Shared,
    compute_s: float,
    model_index: int,
    make_host: Callable[..., Host],
) -> Opened:
    path = options.null.sound
    if path is None:
        raise RtraveError("null device: expected a sound to loop, got none: write a .npy file first")
    data = load_input(path)
    rate = options.null.sample_rate or engine.sample_rate
    hop = engine.hop * rate / engine.sample_rate
    sink_channels = 1 + max([1, *(device for several in options.output_channels or () for device in several)])
    inputs, outputs = channel_maps(options, engine.channels, (path.name, data.shape[1]), ("null", sink_channels))
    default_block = NULL_BLOCK if options.buffering is BufferingMode.LOW_LATENCY else math.ceil(hop)
    block = options.block_size or default_block
    device = buffering.choose_buffering(options.buffering, hop, HostPeriod(block, block), block)
    plan = Plan(options, make_host(shared.status, rate, inputs, outputs, scheduled=True), device)
    driver, facts = make_driver(plan, engine, shared, compute_s, model_index=model_index)
    crossfader = Crossfader(plan.host, driver)
    ports = PortFacts(
        input=f"{NULL}: {path.name}",
        output=NULL,
        host_api=NULL,
        found_by=None,
        latency_asked=None,
        host_period=block,
        host_samples=0,
        input_latency_s=0.0,
        output_latency_s=0.0,
        input_channels=inputs[: engine.channels],
        second_input=options.second_input,
        output_channels=outputs,
    )
    return Opened(NullStream(crossfader, data, rate, block, sink_channels), crossfader, plan, facts, ports)


def _open_device(
    options: RunOptions,
    card: SoundCard,
    engine: Engine,
    shared: Shared,
    compute_s: float,
    model_index: int,
    make_host: Callable[..., Host],
) -> Opened:
    source, sink = _resolve(card)
    inputs, outputs = channel_maps(
        options, engine.channels, (source.name, source.input_channels), (sink.name, sink.output_channels)
    )
    channels = _highest(inputs) + 1, _highest(outputs) + 1
    rate = devices.choose_sample_rate(source, sink, channels, engine.sample_rate)
    hop = engine.hop * rate / engine.sample_rate
    period = devices.probe_host_period(source, sink, channels, rate, hop)
    jack = sink.host_api == devices.JACK
    device = buffering.choose_buffering(options.buffering, hop, period, options.block_size, open_ended=jack)
    plan = Plan(options, make_host(shared.status, rate, inputs, outputs), device)
    driver, facts = make_driver(plan, engine, shared, compute_s, model_index=model_index)
    crossfader = Crossfader(plan.host, driver)
    extra = devices.host_settings(sink.host_api, options.host_settings)
    stream = devices.open_stream(source, sink, channels, rate, device.asked, options.latency, crossfader, extra)
    labels = [device.label for device in devices.list_devices()]
    ports = PortFacts(
        input=source.name,
        output=sink.name,
        host_api=source.host_api,
        found_by=(_unique_name(source, labels), _unique_name(sink, labels)),
        latency_asked=options.latency,
        host_period=period.period if period else None,
        # On JACK PortAudio's output latency is one period and what PortAudio adds for a block that was asked for.
        host_samples=round(stream.latency[1] * rate) - period.period if jack and period else None,
        input_latency_s=stream.latency[0],
        output_latency_s=stream.latency[1],
        input_channels=inputs[: engine.channels],
        second_input=options.second_input,
        output_channels=outputs,
    )
    return Opened(stream, crossfader, plan, facts, ports)


def _resolve(card: SoundCard) -> tuple[devices.DeviceInfo, devices.DeviceInfo]:
    default = devices.pick_default() if None in (card.input, card.output) else None
    if None in (card.input, card.output) and default is None:
        raise NoDeviceError("no sound card with an input and an output was found: plug one in, or start JACK")
    found = devices.list_devices()

    def one(name: int | str | None, which: int, direction: devices.Direction) -> devices.DeviceInfo:
        return default[which] if name is None and default else devices.resolve(found, name or 0, direction)

    return one(card.input, 0, "input"), one(card.output, 1, "output")


def _unique_name(end: devices.DeviceInfo, labels: list[str]) -> int | str:
    """Return the label by which a device is found again, or its index where another device has the same label."""
    return end.label if labels.count(end.label) == 1 else end.index


def _highest(channels: ChannelMap) -> int:
    return max(device for several in channels for device in several)
