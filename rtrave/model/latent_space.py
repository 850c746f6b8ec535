"""Latent space: samples of the posterior, the PCA of the compressed space, and the source of all noise.

The arithmetic uses operators that NumPy arrays and torch tensors share, so that the torch model, the compiled stream
and the engine use one definition. Latents are [..., D, N]: dimensions, latent frames. Needs no torch.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

# kind, latent-frame index, shape -> float32 array. Kinds: see `NOISE_LANES`.
NoiseSource = Callable[[str, int, tuple[int, ...]], np.ndarray]

NOISE_LANES = {"posterior": 0, "fill": 1, "augmentation": 2, "synth": 3, "jitter": 4, "lfo": 5}
UNIFORM = ("synth", "lfo")  # kinds with draws in [0, 1); the others are standard normal


def seeded_noise(seed: int) -> NoiseSource:
    """Return a source that is a pure function of (seed, kind, latent-frame index): the order of calls does not matter.

    It uses NumPy's Philox, a counter-based generator: the key is the seed and the lane of the kind, the counter is the
    latent frame. `seed` is 0 .. 2**64 - 1. Any thread may call the source.
    """

    def draw(kind: str, latent_frame: int, shape: tuple[int, ...]) -> np.ndarray:
        bits = np.random.Philox(key=[seed, NOISE_LANES[kind]], counter=[0, 0, 0, latent_frame])
        generator = np.random.Generator(bits)
        if kind in UNIFORM:
            return generator.random(shape, dtype=np.float32)
        return generator.standard_normal(shape, dtype=np.float32)

    return draw


def apart(noise: NoiseSource, width: float) -> NoiseSource:
    """Return a source that correlates its streams, the rows of a draw, with the first one, which stays unchanged.

    Every other stream is cos(angle) * first + sin(angle) * own, with an angle of `width` quarter turns: 0 makes all
    equal, 1 independent, 2 the negative of the first. Variances do not change. The draws of LFOs are equal in all
    streams.
    """
    # Rounded for exact results at 0, 1 and 2.
    own, shared = (np.float32(np.round(turn(width * np.pi / 2), 9)) for turn in (np.sin, np.cos))

    def draw(kind: str, latent_frame: int, shape: tuple[int, ...]) -> np.ndarray:
        drawn = noise(kind, latent_frame, shape)
        if kind == "lfo":
            drawn[1:] = drawn[:1]
        else:
            middle = np.float32(0.5 if kind in UNIFORM else 0)
            drawn[1:] = middle + shared * (drawn[:1] - middle) + own * (drawn[1:] - middle)
        return drawn

    return draw


def draw_frames(noise: NoiseSource, kind: str, first_frame: int, shape: tuple[int, int, int]) -> np.ndarray:
    """Return draws [B, D, N] of N latent frames; one call of the source per frame makes them independent of blocks."""
    batch, dims, frames = shape
    drawn = np.empty(shape, np.float32)
    for i in range(frames):
        drawn[:, :, i] = noise(kind, first_frame + i, (batch, dims))
    return drawn


def sample_posterior(mean: Any, std: Any, temperature: Any, normal: Any) -> Any:
    """Return mean + temperature * std * normal."""
    return mean + temperature * std * normal


def compress(z: Any, pca: Any, mean: Any) -> Any:
    """Project full-space latents [..., D, N] onto the PCA components: pca (z - mean); component 0 explains most."""
    return pca @ (z - mean[:, None])


def expand(components: Any, pca: Any, mean: Any) -> Any:
    """Invert `compress`: PCA components to full-space latents (the rows of the PCA are orthonormal)."""
    return pca.T @ components + mean[:, None]
