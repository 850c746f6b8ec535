"""Matching of one model's latents to those of another. Needs no torch."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from rtrave.backends.facts import ModelFacts
from rtrave.errors import RtraveError
from rtrave.model.spec import ModelSpec

LEAST_STD = 1e-3  # a component that moves less carries no information
MOST_GAIN = 100.0


@dataclass(frozen=True, eq=False)
class Spread:
    """Mean and deviation of a model's components, float64 [D]."""

    mean: np.ndarray
    std: np.ndarray


def unit_spread(dims: int) -> Spread:
    """Return the spread that training aims at, for a model without calibration."""
    return Spread(np.zeros(dims), np.ones(dims))


def bridge(a: ModelFacts, b: ModelFacts, spread_a: Spread, spread_b: Spread) -> tuple[np.ndarray, np.ndarray]:
    """Map full latents of a to full latents of b: a matrix [D_b, D_a] and an offset [D_b], float32.

    Components that only b has stay at their mean; components that only a has are left out.
    """
    shared = min(len(spread_a.mean), len(spread_b.mean))
    gain = np.zeros(shared)
    moves = spread_a.std[:shared] > LEAST_STD
    gain[moves] = np.minimum(spread_b.std[:shared][moves] / spread_a.std[:shared][moves], MOST_GAIN)
    components = np.zeros((len(spread_b.mean), len(spread_a.mean)))
    components[:shared, :shared] = np.diag(gain)
    # c_b = mean_b + gain (PCA_a (z_a - m_a) - mean_a),  z_b = PCA_b^T c_b + m_b
    matrix = b.latent_pca.T @ components @ a.latent_pca
    start = spread_b.mean - components @ (spread_a.mean + a.latent_pca @ a.latent_mean)
    offset = b.latent_pca.T @ start + b.latent_mean
    return matrix.astype(np.float32), offset.astype(np.float32)


def common_hop(a: ModelSpec, b: ModelSpec, hop: int | None) -> int:
    """Return the hop that both models can take; RtraveError where the models do not fit together."""
    if a.channels != b.channels:
        raise RtraveError(
            f"--decoder: expected a model of {a.channels} channels as {a.name} has, got {b.name} with {b.channels}: "
            "route between models of the same number"
        )
    least = math.lcm(a.ratio, b.ratio)
    if hop is not None and hop % least:
        raise RtraveError(f"hop: expected a multiple of {least}, which both models need, got {hop}: use {least}")
    return hop or least


def adaptations(a: ModelFacts, b: ModelFacts) -> list[str]:
    """Describe what is adapted between two models, one line each."""
    notes = []
    dims_a, dims_b = a.spec.full_latent_size, b.spec.full_latent_size
    if dims_a > dims_b:
        notes.append(f"{b.spec.name} has {dims_b} latents: the last {dims_a - dims_b} of {a.spec.name} are left out")
    elif dims_b > dims_a:
        notes.append(f"{b.spec.name} has {dims_b} latents: {dims_b - dims_a} of them stay at their mean")
    if a.shape.latent_frames != b.shape.latent_frames:
        rates = f"{a.spec.latent_rate_hz:.3g} and {b.spec.latent_rate_hz:.3g} latent frames a second"
        notes.append(f"{rates}: frames are {'held' if a.shape.latent_frames < b.shape.latent_frames else 'averaged'}")
    if a.spec.sample_rate != b.spec.sample_rate:
        share = 100 * (a.spec.sample_rate / b.spec.sample_rate - 1)
        notes.append(f"it runs at {b.spec.sample_rate} Hz: {a.spec.name} receives everything {share:+.0f} % in pitch")
    return notes
