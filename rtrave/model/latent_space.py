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
UNIFORM = ("synth", "lfo")  # in [0, 1); the others are normal


def seeded_noise(seed: int) -> NoiseSource:
    """A source that is a pure function of (seed, kind, latent-frame index): no state, so no order of calls matters.

    NumPy's Philox, a counter-based generator: the key is the seed and the kind's lane, the counter the frame.
    Normal draws, but for those of `UNIFORM`. `seed` is 0 .. 2**64 - 1. Any thread.
    """

    def draw(kind: str, latent_frame: int, shape: tuple[int, ...]) -> np.ndarray:
        bits = np.random.Philox(key=[seed, NOISE_LANES[kind]], counter=[0, 0, 0, latent_frame])
        generator = np.random.Generator(bits)
        if kind in UNIFORM:
            return generator.random(shape, dtype=np.float32)
        return generator.standard_normal(shape, dtype=np.float32)

    return draw


def apart(noise: NoiseSource, width: float) -> NoiseSource:
    """A source whose streams, the rows of a draw, are more or less alike: the first is left as it is.

    `width` is an angle in quarter turns: each further stream is cos * the first's noise + sin * its own. 0: all the
    same, 1: independent, 2: the first's turned over. Variances stay. What steps at random with an LFO moves all alike.
    """
    # Rounded, so that 0, 1 and 2 are exact.
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
    """Draws [B, D, N] for N latent frames, one call of the source per frame: the partition in blocks does not
    matter."""
    batch, dims, frames = shape
    drawn = np.empty(shape, np.float32)
    for i in range(frames):
        drawn[:, :, i] = noise(kind, first_frame + i, (batch, dims))
    return drawn


def sample_posterior(mean: Any, std: Any, temperature: Any, normal: Any) -> Any:
    """mean + temperature * std * normal."""
    return mean + temperature * std * normal


def compress(z: Any, pca: Any, mean: Any) -> Any:
    """Full to compressed space: PCA (z - mean), [..., D, N]; component 0 explains most."""
    return pca @ (z - mean[:, None])


def expand(components: Any, pca: Any, mean: Any) -> Any:
    """Compressed to full space, the inverse of `compress` (the PCA's rows are orthonormal)."""
    return pca.T @ components + mean[:, None]
