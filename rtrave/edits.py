"""Edits of latents [..., D, N]: those of the controls, and the six edits of RAVE's tutorial.

Pure functions from NumPy arrays of float32 to new ones. docs/latent.md shows the equivalent OSC messages.
"""

from __future__ import annotations

import numpy as np

from rtrave.errors import RtraveError

HARD_LIMIT = 10.0  # latent units; no edit moves a component further out
LFO_SHAPES = ("off", "sin", "tri", "saw", "square", "random")


def _same_shape(a: np.ndarray, b: np.ndarray) -> None:
    if a.shape != b.shape:
        raise RtraveError(f"latents: expected two arrays of one shape, got {a.shape} and {b.shape}")


def original(z: np.ndarray) -> np.ndarray:
    """Return a copy of the latents."""
    return np.array(z, np.float32)


def zero_odd(z: np.ndarray) -> np.ndarray:
    """Return latents [..., D, N] with every odd dimension (1, 3, 5 ...) at 0."""
    edited = original(z)
    edited[..., 1::2, :] = 0
    return edited


def progressive_noise(z: np.ndarray, normal: np.ndarray, amount: float = 1.0) -> np.ndarray:
    """Add noise to the even dimensions, with a deviation from 0 at the first latent frame to `amount` at the last.

    Parameters
    ----------
    z : float32 [..., D, N]
    normal : float32 [..., D, N]
        Standard normal draws, e.g. `rtrave.model.latent_space.draw_frames`.
    """
    _same_shape(z, normal)
    edited = original(z)
    rise = np.linspace(0, amount, z.shape[-1], dtype=np.float32)
    edited[..., ::2, :] += rise * normal[..., ::2, :]
    return edited


def morph(a: np.ndarray, b: np.ndarray, mix: float | np.ndarray) -> np.ndarray:
    """Interpolate from a to b, both [..., D, N]: a + mix (b - a), exact at 0 and 1. `mix` broadcasts."""
    _same_shape(a, b)
    share = np.asarray(mix, np.float32)
    mixed: np.ndarray = np.where(share == 1, b, a + share * (b - a)).astype(np.float32)
    return mixed


def interleave(a: np.ndarray, b: np.ndarray, mix: float = 1.0) -> np.ndarray:
    """Combine the even dimensions of a with the odd ones of b, mixed by `mix`; both are [..., D, N]."""
    odd = (np.arange(a.shape[-2]) % 2).astype(np.float32)[:, None]
    return morph(a, b, odd * np.float32(mix))


def spherical_path(dims: int, frames: int) -> np.ndarray:
    """Return one turn through all dimensions, float32 [D, N]: cos(2 pi (t + d / D)), t = n / N."""
    return spherical_point(dims, np.arange(frames) / frames)


def spherical_point(dims: int, t: float | np.ndarray) -> np.ndarray:
    """Return the spherical path at t, in [0, 1) of a turn: float32 [D] or [D, N]."""
    d = np.arange(dims) / max(dims, 1)
    angles = 2 * np.pi * (np.asarray(t) + (d[:, None] if np.ndim(t) else d))
    return np.cos(angles).astype(np.float32)


def lfo(shape: np.ndarray, phase: np.ndarray, random: np.ndarray) -> np.ndarray:
    """Return the values of low-frequency oscillators, -1 .. 1, one for each dimension, float32 [D].

    Parameters
    ----------
    shape : int [D]
        Index into `LFO_SHAPES`.
    phase : float64 [D]
        Phase in turns. At 0, sine and triangle are 0 and rise, the saw is -1 and rises, the square is 1.
    random : float32 [D]
        Values of "random" in this turn.
    """
    turn = phase % 1.0
    values = np.select(
        [shape == k for k in range(1, len(LFO_SHAPES))],
        [
            np.sin(2 * np.pi * turn),
            1 - 4 * np.abs((turn + 0.25) % 1.0 - 0.5),
            2 * turn - 1,
            np.where(turn < 0.5, 1.0, -1.0),
            random,
        ],
        0.0,
    )
    return values.astype(np.float32)


def smoothing(time_ms: np.ndarray, latent_rate_hz: float) -> np.ndarray:
    """Return a one-pole's share per latent frame of the way to its target: 1 - exp(-1 / (time rate)), 1 for 0 ms."""
    with np.errstate(divide="ignore"):
        share = 1 - np.exp(-1000.0 / (np.asarray(time_ms, np.float64) * latent_rate_hz))
    return share.astype(np.float32)
