"""What a model needs beside its weights before it is played: the PCA of its latents, and how much each part carries."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from rtrave.errors import RtraveError
from rtrave.model.formats.native import save_native
from rtrave.model.offline import encode_blocks
from rtrave.model.rave import Model


def encoded(model: Model, clips: np.ndarray) -> np.ndarray:
    """Latents float32 [D, N] of all clips [clips, C, T], one after another."""
    return np.concatenate([z for clip in clips for z in encode_blocks(model, clip)], axis=1)


@torch.no_grad()
def set_latent_space(model: Model, z: np.ndarray) -> None:
    """Give the model mean, PCA and fidelity of latents [D, N].

    Rows of the PCA are the components by falling variance, each with its largest entry positive; `fidelity` is the
    share of the variance that the first 1, 2, ... of them explain.
    """
    if z.shape[1] <= z.shape[0] or not np.isfinite(z).all():
        raise RtraveError(f"{z.shape[1]} latent frames of {z.shape[0]} dimensions say too little of the latent space")
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
    """Write a trained model as a native file, its latent space measured on clips [clips, C, T]."""
    set_latent_space(model, encoded(model, clips))
    save_native(model, path, provenance)
