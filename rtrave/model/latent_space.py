"""The latent space: sampling the posterior, the PCA musicians play in, truncation, and the one source of noise.

The arithmetic is written with operators that NumPy arrays and torch tensors share, so that the torch model, the
compiled stream and the engine use one definition. Latents are [..., D, N]: dimensions, latent frames. Needs no torch.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

# kind, latent-frame index, shape -> float32 array. Kinds: see `NOISE_LANES`.
NoiseSource = Callable[[str, int, tuple[int, ...]], np.ndarray]

NOISE_LANES = {"posterior": 0, "fill": 1, "augmentation": 2, "synth": 3, "jitter": 4, "lfo": 5}


def seeded_noise(seed: int) -> NoiseSource:
    """A source that is a pure function of (seed, kind, latent-frame index): no state, so no order of calls matters.

    NumPy's Philox, a counter-based generator: the key is the seed and the kind's lane, the counter the frame.
    Normal draws, but for "synth" and "lfo" (uniform in [0, 1)). `seed` is 0 .. 2**64 - 1. Any thread.
    """

    def draw(kind: str, latent_frame: int, shape: tuple[int, ...]) -> np.ndarray:
        bits = np.random.Philox(key=[seed, NOISE_LANES[kind]], counter=[0, 0, 0, latent_frame])
        generator = np.random.Generator(bits)
        if kind in ("synth", "lfo"):
            return generator.random(shape, dtype=np.float32)
        return generator.standard_normal(shape, dtype=np.float32)

    return draw


def draw_frames(noise: NoiseSource, kind: str, first_frame: int, shape: tuple[int, int, int]) -> np.ndarray:
    """Draws [B, D, N] for N latent frames, one call of the source per frame: the partition in blocks does not
    matter."""
    batch, dims, frames = shape
    drawn = np.empty(shape, np.float32)
    for i in range(frames):
        drawn[:, :, i] = noise(kind, first_frame + i, (batch, dims))
    return drawn


def sample_posterior(mean: Any, std: Any, temperature: float, normal: Any) -> Any:
    """mean + temperature * std * normal."""
    return mean + temperature * std * normal


def compress(z: Any, pca: Any, mean: Any) -> Any:
    """Full to compressed space: PCA (z - mean), [..., D, N]; component 0 explains most."""
    return pca @ (z - mean[:, None])


def expand(components: Any, pca: Any, mean: Any) -> Any:
    """Compressed to full space, the inverse of `compress` (the PCA's rows are orthonormal)."""
    return pca.T @ components + mean[:, None]
