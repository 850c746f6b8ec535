"""The numbers a live run shows: levels, compute times, latents, counts, latency."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import Any

import numpy as np

from rtrave.control.calibration import Gatherer
from rtrave.control.vector import Layout
from rtrave.model.latent_space import compress
from rtrave.model.spec import ModelSpec
from rtrave.settings import HOP_FIELDS

WINDOW_HOPS = 1000
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
    acoustic : int
        The model's own acoustic delay.
    """

    sample_rate: int
    device: float
    buffering: int
    acoustic: int

    @property
    def total_ms(self) -> float:
        """Device, buffering and model together."""
        return 1000 * (self.device + self.buffering + self.acoustic) / self.sample_rate

    def terms_ms(self) -> dict[str, float]:
        """Each term in milliseconds, and the sum."""
        terms = {"device": self.device, "buffering": self.buffering, "model": self.acoustic}
        return {**{name: 1000 * n / self.sample_rate for name, n in terms.items()}, "total": self.total_ms}


def latency_of(spec: ModelSpec, device: dict[str, Any]) -> Latency:
    """From a model and what the audio process told of its device."""
    device_s = device["input_latency_s"] + device["output_latency_s"]
    return Latency(spec.sample_rate, device_s * spec.sample_rate, device["buffering_samples"], spec.acoustic_delay)


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
        self.spec, self.layout = spec, layout
        self.sample_rate = spec.sample_rate
        self.deadline_s = hop / spec.sample_rate
        self._pca, self._mean = latent_pca, latent_mean
        self._latent_frames = hop // spec.ratio
        self._compute_s: deque[float] = deque(maxlen=WINDOW_HOPS)
        self.gatherer = Gatherer(spec.full_latent_size)
        self._row = np.zeros(len(HOP_FIELDS) + 2 * spec.full_latent_size * self._latent_frames)

    def update(self, hops: np.ndarray) -> None:
        """Take rows of the hops ring, float64 [n, width], n >= 1."""
        self._compute_s.extend(hops[:, HOP_FIELDS.index("compute_s")].tolist())
        self._row = hops[-1]
        if self.gatherer.listening:
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

    def compute_ms(self) -> tuple[float, float]:
        """Median and 99th percentile of the last thousand hops, in milliseconds; zeros before the first."""
        times = list(self._compute_s)
        if not times:
            return 0.0, 0.0
        median, p99 = np.percentile(times, (50, 99))
        return 1000 * float(median), 1000 * float(p99)

    @property
    def load(self) -> float:
        """Median compute time as a share of the hop."""
        return self.compute_ms()[0] / 1000 / self.deadline_s

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
        if controls[self.layout.slots["space"]][0]:
            return z[:, 0]
        components: np.ndarray = compress(z, self._pca, self._mean)[:, 0]
        return components
