"""Measure the latency: noise through the whole chain, out of the device, through a cable, and back in.

The chain is that of live playing: the same engine, driver, buffering and resampler. Only the input is replaced by
noise, and the engine is bypassed, so that the noise passes its delay line unchanged. The calling process becomes an
audio process: no other stream may be open in it.
"""

from __future__ import annotations

import shutil
import subprocess
import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rtrave.audio import device as devices
from rtrave.audio.host import Host
from rtrave.audio.loader import describe
from rtrave.audio.opening import open_audio
from rtrave.audio.warm_up import settle
from rtrave.errors import RtraveError
from rtrave.ipc.device_facts import DeviceFacts, Granted
from rtrave.ipc.options import ChannelMap, RunOptions
from rtrave.ipc.shared_memory import Shared
from rtrave.ipc.status import Status

if TYPE_CHECKING:
    from rtrave.engine.engine import Engine

Audio = NDArray[np.float32]

LEVEL_DB = -20.0
NOISE_S = 0.4
LISTEN_S = 2.0  # from the beginning of the noise: the most that can be measured, and the noise
SETTLE_S = 0.5
CLEAR = 8.0  # times the root mean square of the correlation: far above chance in half a million samples


@dataclass(frozen=True)
class RoundTrip:
    """Result of a measurement.

    Attributes
    ----------
    measured_s : float or None
        From the model's input to the device's input; None where nothing came back.
    loop : str
        How the sound came back, in words.
    device : DeviceFacts
    """

    measured_s: float | None
    loop: str
    device: DeviceFacts


class LoopHost(Host):
    """A host whose input is noise, and which records the device's input (null device: the output).

    It is silent until `armed` is set, and `finished` once it has recorded enough.

    Attributes
    ----------
    noise, recorded : float32 [T]
    """

    def __init__(
        self,
        status: Status,
        sample_rate: int,
        inputs: ChannelMap,
        outputs: ChannelMap,
        scheduled: bool = False,
        keep_output: bool = False,
    ) -> None:
        super().__init__(status, sample_rate, inputs, outputs, scheduled)
        self.noise = np.zeros(round(LISTEN_S * sample_rate), np.float32)
        samples = round(NOISE_S * sample_rate)
        draws = np.random.default_rng(1).uniform(-1, 1, samples)
        self.noise[:samples] = 10 ** (LEVEL_DB / 20) * draws
        self.recorded = np.zeros_like(self.noise)
        self.armed = False
        self._keep_output = keep_output
        self._at = 0

    @property
    def finished(self) -> bool:
        """True if `recorded` is complete."""
        return self._at >= len(self.noise)

    def take(self, indata: Audio, x: Audio) -> None:
        """Fill every channel of x with noise; record the device channels that the model would receive."""
        n, at = x.shape[1], self._at
        part = self.noise[at : at + n] if self.armed else self.noise[:0]
        x.fill(0.0)
        x[:, : len(part)] = part
        if self.armed and not self._keep_output:
            recorded = self.recorded[at : at + n]
            for device in dict.fromkeys(channel for several in self.inputs for channel in several):
                recorded += indata[: len(recorded), device]

    def give(self, y: Audio, outdata: Audio) -> None:
        """Fill outdata as any host does, and end the block."""
        super().give(y, outdata)
        if self.armed:
            if self._keep_output:
                recorded = self.recorded[self._at : self._at + y.shape[1]]
                recorded += y[0, : len(recorded)]
            self._at += y.shape[1]


def find_delay(noise: Audio, recorded: Audio) -> int | None:
    """Return by how many samples `recorded` follows `noise`, from the peak of their correlation; None without one."""
    size = 2 * len(noise)
    spectrum = np.fft.rfft(recorded, size) * np.conj(np.fft.rfft(noise, size))
    # The noise is white: dividing by the magnitude leaves the phase, whose peak is one sample wide (PHAT).
    correlation = np.fft.irfft(spectrum / (np.abs(spectrum) + 1e-9), size)[: len(noise)]
    at = int(np.argmax(np.abs(correlation)))
    clear = abs(correlation[at]) > CLEAR * np.sqrt(np.mean(np.square(correlation)))
    return at if clear and np.abs(recorded).max() > 1e-5 else None


def _jack_ports() -> set[str]:
    done = subprocess.run(["jack_lsp"], capture_output=True, text=True, check=False)
    return {line.strip() for line in done.stdout.splitlines() if "PortAudio" in line}


def _loop_jack(ours: set[str]) -> None:
    """Connect our first output to all our inputs."""
    sources = sorted(port for port in ours if ":out_" in port)
    for sink in sorted(port for port in ours if ":in_" in port):
        subprocess.run(["jack_connect", sources[0], sink], capture_output=True, check=False)


def measure_round_trip(options: RunOptions, engine: Engine, shared: Shared, compute_s: float) -> RoundTrip:
    """Play noise through the whole chain and find it again; some five seconds.

    Parameters
    ----------
    options : RunOptions
        As for a live run.
    engine : Engine
    shared : Shared
        Used by this measurement alone, which writes its controls.
    compute_s : float
        The engine's slowest hops (99.9th percentile).

    Raises
    ------
    RtraveError
        The device is refused, or calls back too seldom.
    """
    controls = engine.layout.defaults()
    controls[engine.layout.slots["bypass"]] = 1.0
    shared.controls.write(controls)
    null = options.device is None
    can_patch = not null and shutil.which("jack_lsp") and shutil.which("jack_connect")
    before = _jack_ports() if can_patch else set()
    opened = open_audio(options, engine, shared, compute_s, make_host=partial(LoopHost, keep_output=null))
    host = opened.plan.host
    assert isinstance(host, LoopHost)
    settle(engine, 0)
    opened.crossfader.driver.start()
    opened.stream.start()
    loop = "null device: the output itself" if null else "cable"
    try:
        if can_patch and opened.ports.host_api == devices.JACK:
            _loop_jack(_jack_ports() - before)
            loop = "JACK: output connected to input"
        time.sleep(SETTLE_S)
        host.armed = True
        limit_s = time.monotonic() + LISTEN_S + 3
        while not host.finished:
            if time.monotonic() > limit_s:
                raise RtraveError("the device calls back too seldom to measure: see 'rtrave check'")
            time.sleep(0.02)
    finally:
        opened.stream.stop()
        opened.crossfader.driver.stop()
        opened.stream.close()
    found = find_delay(host.noise, host.recorded)
    facts = describe(opened, engine, Granted())
    return RoundTrip(None if found is None else found / host.sample_rate, loop, facts)
