"""Completion of a trained model: mean, PCA and fidelity of its latents, and the native file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from rtrave.errors import RtraveError
from rtrave.model.formats.native import save_native
from rtrave.model.offline import encode_blocks
from rtrave.model.rave import Model


def encode_clips(model: Model, clips: np.ndarray) -> np.ndarray:
    """Encode clips [clips, C, T], and join their latents in time: float32 [D, N]."""
    return np.concatenate([z for clip in clips for z in encode_blocks(model, clip)], axis=1)


@torch.no_grad()
def set_latent_space(model: Model, z: np.ndarray) -> None:
    """Set the model's latent mean, PCA and fidelity from latents [D, N].

    The rows of the PCA are the components in the order of falling variance, each with its largest entry positive.
    `fidelity` is the share of the variance that the first 1, 2, ... components explain.

    Raises
    ------
    RtraveError
        There are no more latent frames than dimensions, or a latent is NaN or infinite.
    """
    if z.shape[1] <= z.shape[0] or not np.isfinite(z).all():
        raise RtraveError(
            f"PCA of the latents: expected finite numbers in more than {z.shape[0]} latent frames, got {z.shape[1]} "
            "frames: check the losses in curve.jsonl"
        )
    mean = z.mean(axis=1, dtype=np.float64)
    values, vectors = np.linalg.eigh(np.cov(z.astype(np.float64)))
    values, components = values[::-1].clip(min=0), vectors.T[::-1]
    largest = np.abs(components).argmax(axis=1)
    components = components * np.sign(components[np.arange(len(components)), largest])[:, None]
    shares = values.cumsum() / max(values.sum(), np.finfo(float).tiny)
    shares[-1] = 1
    for buffer, value in ((model.latent_mean, mean), (model.latent_pca, components), (model.fidelity, shares)):
        buffer.copy_(torch.from_numpy(np.ascontiguousarray(value)).to(buffer))


def finish(model: Model, clips: np.ndarray, path: Path, provenance: str) -> None:
    """Measure the latent space on clips [clips, C, T], and write the model as a native file."""
    set_latent_space(model, encode_clips(model, clips))
    save_native(model, path, provenance)
