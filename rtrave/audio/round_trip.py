"""The latency, measured: noise through the whole chain, out of the device, through a cable, and back in.

What runs is what plays live: the same engine, driver, buffering and resampler. Only the input is replaced by noise, and
the engine is bypassed, so that the noise comes through its delay line as it was. Whoever calls is an audio process: no
other stream may be open in it.
"""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rtrave.audio import device as devices
from rtrave.audio.host import Host
from rtrave.audio.opening import Config, open_device, open_null
from rtrave.audio.routing import Map
from rtrave.audio.warm_up import settle
from rtrave.errors import RtraveError
from rtrave.ipc.shared_memory import Shared
from rtrave.ipc.status import Status

if TYPE_CHECKING:
    from rtrave.engine.engine import Engine

Audio = NDArray[np.float32]

LEVEL_DB = -20.0
NOISE_S = 0.4
LISTEN_S = 2.0  # from the beginning of the noise: the most that can be measured, and the noise
SETTLE_S = 0.5
CLEAR = 8.0  # times the root mean square of the correlation: by far more than chance in half a million places


@dataclass(frozen=True)
class RoundTrip:
    """What was measured.

    Attributes
    ----------
    measured_s : float or None
        From the model's input to the device's input; None where nothing came back.
    loop : str
        How the sound came back.
    told : dict
        What the audio process tells of the device.
    """

    measured_s: float | None
    loop: str
    told: dict[str, Any]


class LoopHost(Host):
    """A host whose input is noise, and which keeps what comes in from the device (null device: what goes out).

    Silent until `armed` is set; `finished` once it has listened long enough.
    """

    def __init__(
        self,
        status: Status,
        sample_rate: int,
        inputs: Map,
        outputs: Map,
        scheduled: bool = False,
        keep_output: bool = False,
    ) -> None:
        super().__init__(status, sample_rate, inputs, outputs, scheduled)
        self.noise = np.zeros(round(LISTEN_S * sample_rate), np.float32)
        samples = round(NOISE_S * sample_rate)
        draws = np.random.default_rng(1).uniform(-1, 1, samples)
        self.noise[:samples] = 10 ** (LEVEL_DB / 20) * draws
        self.heard = np.zeros_like(self.noise)
        self.armed = False
        self._keep_output = keep_output
        self._at = 0

    @property
    def finished(self) -> bool:
        """Whether all of `heard` is there."""
        return self._at >= len(self.noise)

    def take(self, indata: Audio, x: Audio) -> None:
        """Noise into every channel; the device's channels that the model would hear are kept."""
        n, at = x.shape[1], self._at
        part = self.noise[at : at + n] if self.armed else self.noise[:0]
        x.fill(0.0)
        x[:, : len(part)] = part
        if self.armed and not self._keep_output:
            heard = self.heard[at : at + n]
            for device in dict.fromkeys(channel for several in self.inputs for channel in several):
                heard += indata[: len(heard), device]

    def give(self, y: Audio, outdata: Audio) -> None:
        """As any host; ends the block."""
        super().give(y, outdata)
        if self.armed:
            if self._keep_output:
                heard = self.heard[self._at : self._at + y.shape[1]]
                heard += y[0, : len(heard)]
            self._at += y.shape[1]


def find_delay(noise: Audio, heard: Audio) -> int | None:
    """By how many samples `heard` follows `noise`, by the peak of their correlation; None where there is none."""
    size = 2 * len(noise)
    spectrum = np.fft.rfft(heard, size) * np.conj(np.fft.rfft(noise, size))
    # The noise is white: dividing by the magnitude leaves the phase, whose peak is a single sample (PHAT).
    correlation = np.fft.irfft(spectrum / (np.abs(spectrum) + 1e-9), size)[: len(noise)]
    at = int(np.argmax(np.abs(correlation)))
    clear = abs(correlation[at]) > CLEAR * np.sqrt(np.mean(np.square(correlation)))
    return at if clear and np.abs(heard).max() > 1e-5 else None


def _jack_ports() -> set[str]:
    done = subprocess.run(["jack_lsp"], capture_output=True, text=True, check=False)
    return {line.strip() for line in done.stdout.splitlines() if "PortAudio" in line}


def _loop_jack(ours: set[str]) -> None:
    """Connect our first output to all our inputs."""
    sources = sorted(port for port in ours if ":out_" in port)
    for sink in sorted(port for port in ours if ":in_" in port):
        subprocess.run(["jack_connect", sources[0], sink], capture_output=True, check=False)


def measure_round_trip(config: Config, engine: Engine, shared: Shared, compute_s: float) -> RoundTrip:
    """Play noise through everything and find it again; some five seconds.

    Parameters
    ----------
    config : Config
        As for a live run.
    engine : Engine
    shared : Shared
        Of its own; its controls are written here.
    compute_s : float
        The engine's slowest hops (p99.9).
    """
    controls = engine.layout.defaults()
    controls[engine.layout.slots["bypass"]] = 1.0
    shared.controls.write(controls)
    null = "null" in config.device
    can_patch = not null and shutil.which("jack_lsp") and shutil.which("jack_connect")
    before = _jack_ports() if can_patch else set()
    opening: Callable[..., Any] = open_null if null else open_device
    opened = opening(config, engine, shared, compute_s, make_host=partial(LoopHost, keep_output=null))
    host, told = opened.host, opened.told
    settle(engine, 0)
    opened.deck.driver.start()
    opened.stream.start()
    loop = "null device: the output itself" if null else "cable"
    try:
        if can_patch and told["host_api"] == devices.JACK:
            _loop_jack(_jack_ports() - before)
            loop = "JACK: output connected to input"
        time.sleep(SETTLE_S)
        host.armed = True
        limit_s = time.monotonic() + LISTEN_S + 3
        while not host.finished:
            if time.monotonic() > limit_s:
                raise RtraveError("the device called back too seldom to measure: see 'rtrave check'")
            time.sleep(0.02)
    finally:
        opened.stream.stop()
        opened.deck.driver.stop()
        opened.stream.close()
    found = find_delay(host.noise, host.heard)
    return RoundTrip(None if found is None else found / host.sample_rate, loop, told)
