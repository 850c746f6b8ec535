"""The numbers of the last hops that a live run shows: levels, compute times, latents."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from rtrave.control.calibration import Gatherer
from rtrave.control.vector import Layout, Vector
from rtrave.ipc.hop_record import HopRecords, hop_dtype
from rtrave.model.latent_space import compress
from rtrave.model.spec import ModelSpec

Seconds: TypeAlias = NDArray[np.float64]
Latents: TypeAlias = NDArray[np.float32]

WINDOW_HOPS = 10_000
SPREAD_EVERY_HOPS = 20
FLOOR_DB = -120.0


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

    def add(self, times_s: Seconds) -> None:
        """Add float64 [n], in seconds."""
        indices = (self._count + np.arange(len(times_s))) % WINDOW_HOPS
        self._times_s[indices] = times_s
        self._count += len(times_s)

    def spread(self) -> Spread:
        """Return their percentiles, computed again every few hops."""
        count = self._count
        if count >= self._spread_of + SPREAD_EVERY_HOPS or 0 < count <= SPREAD_EVERY_HOPS:
            percentiles = np.percentile(self._times_s[:count], (50, 99, 99.9, 100))
            self._spread = Spread(*(1000 * float(p) for p in percentiles))
            self._spread_of = count
        return self._spread


def to_db(level: float) -> float:
    """Convert a linear level to dB, not below -120."""
    return max(20 * math.log10(level), FLOOR_DB) if level > 0 else FLOOR_DB


class Monitor:
    """Numbers of the last hops.

    The recorder's thread calls `update`. Any thread of the control process may call the rest, since each call reads one
    whole record.

    Parameters
    ----------
    spec : ModelSpec
    layout : Layout
    latent_pca, latent_mean : float32 [D, D], [D]
    hop : int
        Samples.

    Attributes
    ----------
    gatherer : Gatherer
        Receives the latents before the edits, for live calibration.
    first_ms : float
        Compute time of the first hop of the run.
    """

    def __init__(self, spec: ModelSpec, layout: Layout, latent_pca: Latents, latent_mean: Latents, hop: int) -> None:
        self.gatherer = Gatherer(0)
        self.first_ms = 0.0
        self._reset(spec, layout, latent_pca, latent_mean, hop, 0)

    def adopt(self, spec: ModelSpec, layout: Layout, latent_pca: Latents, latent_mean: Latents, hop: int) -> None:
        """Change to another model, while nobody updates."""
        self._reset(spec, layout, latent_pca, latent_mean, hop, self.latent_frame)

    def _reset(
        self, spec: ModelSpec, layout: Layout, latent_pca: Latents, latent_mean: Latents, hop: int, latent_frame: int
    ) -> None:
        self.spec, self.layout = spec, layout
        self._pca, self._mean = latent_pca, latent_mean
        self.sample_rate, self.deadline_s = spec.sample_rate, hop / spec.sample_rate
        self._latent_frames = hop // spec.ratio
        self._compute_s, self._wake_s = RecentTimes(), RecentTimes()
        self._last = np.zeros(1, hop_dtype(spec.full_latent_size, self._latent_frames))[0]
        self._last["latent_frame"] = latent_frame - self._latent_frames
        self.gatherer.reset(spec.full_latent_size)

    def update(self, hops: HopRecords) -> None:
        """Take records of the hops ring, [n], n >= 1."""
        if not self.first_ms:
            self.first_ms = 1000 * float(hops["compute_s"][0])
        self._compute_s.add(hops["compute_s"])
        self._wake_s.add(hops["wake_s"])
        self._last = hops[-1]
        if self.gatherer.active:
            for z_in in hops["z_in"]:
                self.gatherer.add(z_in)

    @property
    def latent_frame(self) -> int:
        """First latent frame after the last hop."""
        return int(self._last["latent_frame"]) + self._latent_frames

    def compute_ms(self) -> Spread:
        """Return how long the engine took for a hop."""
        return self._compute_s.spread()

    def wake_ms(self) -> Spread:
        """Return how late the engine began: after its hop was full, or in the callback after its time."""
        return self._wake_s.spread()

    @property
    def load(self) -> float:
        """Median compute time as a share of the hop."""
        return self.compute_ms().median / 1000 / self.deadline_s

    def levels_db(self) -> tuple[float, float, float, float]:
        """Return input peak and RMS, output peak and RMS of the last hop, dBFS."""
        last = self._last
        peak_in, rms_in, peak_out, rms_out = (
            to_db(float(last[name])) for name in ("in_peak", "in_rms", "out_peak", "out_rms")
        )
        return peak_in, rms_in, peak_out, rms_out

    def latents(self, end: str, controls: Vector) -> NDArray[np.float64]:
        """Return the latents [D] of the last frame in the space the controls address.

        `end`: "in" before the edits, "out" after them.
        """
        z = self._last[f"z_{end}"][:, -1:].astype(np.float64)
        if controls[self.layout.slots["space"]].any():
            return np.asarray(z[:, 0])
        components: NDArray[np.float64] = compress(z, self._pca, self._mean)[:, 0]
        return components
