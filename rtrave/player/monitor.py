"""The numbers a live run shows: levels, compute times, latents, counts, latency."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from rtrave.control.calibration import Gatherer
from rtrave.control.vector import Layout
from rtrave.model.latent_space import compress
from rtrave.model.spec import ModelSpec
from rtrave.settings import HOP_FIELDS

WINDOW_HOPS = 10_000
SPREAD_EVERY_HOPS = 20
FLOOR_DB = -120.0


@dataclass(frozen=True)
class Latency:
    """The terms of the latency, in samples of the model's rate; their sum is what a listener hears.

    Attributes
    ----------
    device : float
        Input and output latency as the host reports them.
    buffering : int
        Added between the device's blocks and the model's hops.
    resampler : float
        Both resamplers, where the device's rate is not the model's.
    limiter : int
        The limiter's look-ahead.
    acoustic : int
        The model's own acoustic delay.
    """

    sample_rate: int
    device: float
    buffering: int
    resampler: float
    limiter: int
    acoustic: int

    @property
    def total_ms(self) -> float:
        """All terms together."""
        return sum(self.terms_ms().values())

    def terms_ms(self) -> dict[str, float]:
        """Each term in milliseconds, by the name users know it by."""
        terms = {
            "device": self.device,
            "buffering": self.buffering,
            "resampler": self.resampler,
            "limiter": self.limiter,
            "model": self.acoustic,
        }
        return {name: 1000 * n / self.sample_rate for name, n in terms.items()}


def latency_of(spec: ModelSpec, device: dict[str, Any]) -> Latency:
    """From a model and what the audio process told of its device."""
    rate = spec.sample_rate
    device_s = device["input_latency_s"] + device["output_latency_s"]
    return Latency(
        sample_rate=rate,
        device=device_s * rate,
        buffering=device["buffering_samples"],
        resampler=device["resampler_s"] * rate,
        limiter=device["limiter_samples"],
        acoustic=spec.acoustic_delay,
    )


@dataclass(frozen=True)
class Spread:
    """Times of the last ten thousand hops in milliseconds; zeros before the first."""

    median: float = 0.0
    p99: float = 0.0
    p999: float = 0.0
    most: float = 0.0


class RecentTimes:
    """The times of the last hops. One thread adds, any thread of the process may read."""

    def __init__(self) -> None:
        self._times_s = np.zeros(WINDOW_HOPS)
        self._count = 0
        self._spread = Spread()
        self._spread_of = 0  # hops that the spread was last computed for

    def add(self, times_s: np.ndarray) -> None:
        """Add float64 [n], in seconds."""
        places = (self._count + np.arange(len(times_s))) % WINDOW_HOPS
        self._times_s[places] = times_s
        self._count += len(times_s)

    def spread(self) -> Spread:
        """Their percentiles, computed anew for every few hops."""
        count = self._count
        if count >= self._spread_of + SPREAD_EVERY_HOPS or 0 < count <= SPREAD_EVERY_HOPS:
            percentiles = np.percentile(self._times_s[:count], (50, 99, 99.9, 100))
            self._spread = Spread(*(1000 * float(p) for p in percentiles))
            self._spread_of = count
        return self._spread


def to_db(level: float) -> float:
    """Linear level to dB, not below -120."""
    return max(20 * math.log10(level), FLOOR_DB) if level > 0 else FLOOR_DB


class Monitor:
    """What the last hops told.

    `update` is called by the recorder's thread; the rest may be read from any thread of the control process: each call
    reads one whole row.

    Parameters
    ----------
    spec : ModelSpec
    layout : Layout
    latent_pca, latent_mean : float32 [D, D], [D]
    hop : int
        Samples.
    """

    def __init__(
        self, spec: ModelSpec, layout: Layout, latent_pca: np.ndarray, latent_mean: np.ndarray, hop: int
    ) -> None:
        self.gatherer = Gatherer(0)
        self._latent_frames, self._row = 0, np.zeros(len(HOP_FIELDS))
        self.first_ms = 0.0  # compute time of the first hop of the run
        self.adopt(spec, layout, latent_pca, latent_mean, hop)

    def adopt(self, spec: ModelSpec, layout: Layout, latent_pca: np.ndarray, latent_mean: np.ndarray, hop: int) -> None:
        """Another model plays. While nobody updates."""
        self.spec, self.layout = spec, layout
        self._pca, self._mean = latent_pca, latent_mean
        self.sample_rate, self.deadline_s = spec.sample_rate, hop / spec.sample_rate
        at, self._latent_frames = self.latent_frame, hop // spec.ratio
        self._compute_s, self._wake_s = RecentTimes(), RecentTimes()
        self._row = np.zeros(len(HOP_FIELDS) + 2 * spec.full_latent_size * self._latent_frames)
        self._row[HOP_FIELDS.index("latent_frame")] = at - self._latent_frames
        self.gatherer.reset(spec.full_latent_size)

    def update(self, hops: np.ndarray) -> None:
        """Take rows of the hops ring, float64 [n, width], n >= 1."""
        if not self.first_ms:
            self.first_ms = 1000 * float(hops[0, HOP_FIELDS.index("compute_s")])
        self._compute_s.add(hops[:, HOP_FIELDS.index("compute_s")])
        self._wake_s.add(hops[:, HOP_FIELDS.index("wake_s")])
        self._row = hops[-1]
        if self.gatherer.active:
            size = self.spec.full_latent_size * self._latent_frames
            for row in hops:
                came = row[len(HOP_FIELDS) : len(HOP_FIELDS) + size]
                self.gatherer.add(came.reshape(self.spec.full_latent_size, self._latent_frames))

    def last(self, field: str) -> float:
        """A field of the last hop."""
        return float(self._row[HOP_FIELDS.index(field)])

    @property
    def latent_frame(self) -> int:
        """First latent frame after the last hop."""
        return int(self.last("latent_frame")) + self._latent_frames

    def compute_ms(self) -> Spread:
        """How long a hop took the engine."""
        return self._compute_s.spread()

    def wake_ms(self) -> Spread:
        """How late the engine began: the inference thread after its hop was full, or the callback after its time."""
        return self._wake_s.spread()

    @property
    def load(self) -> float:
        """Median compute time as a share of the hop."""
        return self.compute_ms().median / 1000 / self.deadline_s

    def levels_db(self) -> tuple[float, float, float, float]:
        """Input peak and RMS, output peak and RMS of the last hop, dBFS."""
        peak_in, rms_in, peak_out, rms_out = (
            to_db(self.last(name)) for name in ("in_peak", "in_rms", "out_peak", "out_rms")
        )
        return peak_in, rms_in, peak_out, rms_out

    def latents(self, end: str, controls: np.ndarray) -> np.ndarray:
        """Latents [D] of the last frame, `end` "in" or "out", in the space the controls address."""
        size = self.spec.full_latent_size * self._latent_frames
        start = len(HOP_FIELDS) + (size if end == "out" else 0)
        z = self._row[start : start + size].reshape(self.spec.full_latent_size, self._latent_frames)[:, -1:]
        if controls[self.layout.slots["space"]].any():
            return z[:, 0]
        components: np.ndarray = compress(z, self._pca, self._mean)[:, 0]
        return components
