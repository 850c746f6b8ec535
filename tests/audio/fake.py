"""A stand-in for the engine with its whole interface: y is x; it raises or is slow on request."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from rtrave.audio.buffering import direct_delay, threaded_delay
from rtrave.audio.crossfader import Crossfader
from rtrave.audio.driver import Drive, Driver
from rtrave.audio.driver_state import DriverState
from rtrave.audio.host import Host
from rtrave.audio.routing import default_inputs, default_outputs
from rtrave.control.vector import make_layout
from rtrave.ipc.options import LatePolicy
from rtrave.ipc.shared_memory import Shared, create
from rtrave.ipc.shared_spec import SharedSpec

RATE = 44100


class FakeEngine:
    """y = x; z_in counts latent frames; raises at `broken` hops, calls `slow[hop]` before it answers."""

    def __init__(
        self,
        hop: int = 2048,
        channels: int = 1,
        dims: int = 3,
        latent_frames: int = 1,
        broken: tuple[int, ...] = (),
        slow: Mapping[int, Callable[[], None]] | None = None,
        compute_s: float = 0.0,
    ) -> None:
        self.hop, self.channels, self.dims, self.latent_frames = hop, channels, dims, latent_frames
        self.inputs, self.chains = channels, ()
        self.sample_rate = RATE
        self.layout = make_layout(dims)
        self.latent_frame = 0
        self.broken, self.slow, self.compute_s = broken, dict(slow or {}), compute_s
        self.dry_delay, self.dry_gain, self.limiter_delay = 0, 1.0, 0
        self.hops = 0
        self.resets = 0
        self.report = SimpleNamespace(
            x=np.zeros((channels, hop), np.float32),
            z_in=np.zeros((dims, latent_frames), np.float32),
            z_out=np.zeros((dims, latent_frames), np.float32),
            in_peak=0.0, in_rms=0.0, out_peak=0.0, out_rms=0.0, nonfinite_in=0, nonfinite_out=0,
        )  # fmt: skip

    def process(self, x: np.ndarray, controls: np.ndarray, y: np.ndarray) -> None:
        index = self.hops
        self.hops += 1
        if index in self.slow:
            self.slow[index]()
        if self.compute_s:
            time.sleep(self.compute_s)  # to be met by a real clock only
        if index in self.broken:
            raise RuntimeError("broken on request")
        report = self.report
        report.nonfinite_in = int(np.count_nonzero(~np.isfinite(x)))
        report.x[:] = np.where(np.isfinite(x), x, np.float32(0.0))
        report.z_in[:] = self.latent_frame + np.arange(self.latent_frames)
        report.z_out[:] = -report.z_in
        y[:] = report.x
        report.in_peak = report.out_peak = float(np.abs(y).max())
        self.latent_frame += self.latent_frames

    def reset(self) -> None:
        self.resets += 1


def open_fake(graph: Path, *, seed: int = 0, threads: int = 1, second_input: bool = False) -> FakeEngine:
    """Open a fake in place of an engine; the folder's name is the milliseconds that a hop takes, or HOPxDIMS."""
    name = Path(graph).name
    if "x" in name:
        hop, dims = map(int, name.split("x"))
        return FakeEngine(hop, dims=dims)
    return FakeEngine(compute_s=float(name) / 1e3)


def make_shared(engine: FakeEngine, **sizes: int) -> Shared:
    return create(SharedSpec(engine.channels, engine.dims, engine.latent_frames, engine.layout.size, **sizes))


def make_host(
    engine: FakeEngine, shared: Shared, devices: int = 2, scheduled: bool = False, clock: Callable = time.monotonic
) -> Host:
    inputs = default_inputs(engine.channels, devices)
    outputs = default_outputs(engine.channels, devices)
    return Host(shared.status, RATE, inputs, outputs, scheduled, clock)


def make_driver(
    engine: FakeEngine,
    shared: Shared,
    block: int | None,
    threaded: bool = True,
    margin: int | None = None,
    late: LatePolicy = LatePolicy.SILENCE,
    host: Host | None = None,
    state: DriverState = DriverState.LIVE,
) -> Driver:
    """A driver on a host whose period is the block; `margin` in samples, the hop where None."""
    margin_s = (engine.hop if margin is None else margin) / RATE
    if threaded:
        delay = threaded_delay(engine.hop, RATE, block, block, margin_s)
    else:
        delay = direct_delay(engine.hop, RATE, block, block)
    return Driver(engine, shared, host or make_host(engine, shared), Drive(threaded, delay, late), None, state)


class Stamps:
    """Time stamps of a steady host."""

    def __init__(self, rate: int = RATE) -> None:
        self.rate = rate
        self.samples = 0
        self.inputBufferAdcTime = 1.0
        self.currentTime = 1.0
        self.outputBufferDacTime = 1.0

    def advance(self, samples: int) -> None:
        self.samples += samples
        self.inputBufferAdcTime = 1.0 + self.samples / self.rate


def callback_of(played: Driver | Crossfader) -> Crossfader:
    """The callback that the device calls for a driver."""
    return played if isinstance(played, Crossfader) else Crossfader(played.host, played)


def play(
    played: Driver | Crossfader,
    x: np.ndarray,
    blocks: list[int],
    after: Callable[[], None] | None = None,
    rate: int = RATE,
) -> np.ndarray:
    """Call back with x [T, device channels] in these blocks; `after` runs after each. Returns [T, 2]."""
    callback = callback_of(played)
    stamps, out, at = Stamps(rate), np.full((len(x), 2), np.nan, np.float32), 0
    for block in blocks:
        callback(x[at : at + block], out[at : at + block], block, stamps, None)
        stamps.advance(block)
        at += block
        if after:
            after()
    return out[:at]
