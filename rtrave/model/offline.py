"""Encoding and decoding of whole recordings by torch, in long blocks, on any of its devices.

The results equal those of `Model.encode` and `Model.decode`, in bounded memory: each block is processed with as much of
its surroundings as the receptive field of the model covers.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from rtrave.errors import RtraveError
from rtrave.model.latent_space import NoiseSource, seeded_noise
from rtrave.model.rave import Model

BLOCK_SAMPLES = 1 << 19


def _blocks(model: Model, part: str, frames: int) -> Iterator[tuple[int, int, int, int]]:
    """Yield (start, end) of each block and (first, last) of its input, in latent frames, multiples of a step.

    The input extends beyond the block on both sides by the receptive field of the part, "encoder" or "decoder": a
    centred model depends on later input, but on no more than the field of its stream. A part with an unbounded field
    processes everything as one block.
    """
    ratio, step, field = model.network.ratio, model.frames_per_step, model.receptive_fields[part]
    if field is None:
        yield 0, frames, 0, frames
        return
    size = max(BLOCK_SAMPLES // (ratio * step), 1) * step
    margin = -(-field // (ratio if part == "encoder" else 1))
    margin += -margin % step
    for start in range(0, frames, size):
        end = min(start + size, frames)
        yield start, end, max(start - margin, 0), min(end + margin, frames)


def _from(noise: NoiseSource, first: int) -> NoiseSource:
    """Return the same noise for a signal that begins at latent frame `first`."""
    return lambda kind, latent_frame, shape: noise(kind, latent_frame + first, shape)


@torch.no_grad()
def encode_blocks(
    model: Model, x: np.ndarray, compressed: bool = False, temperature: float = 0.0, seed: int = 0
) -> Iterator[np.ndarray]:
    """Encode audio float32 [C, T] and yield latents float32 [D, n] by blocks; T is padded to whole latent frames.

    Parameters
    ----------
    compressed : bool
        Yield the postprocessed form: see `Model.encode`.
    temperature, seed
        As in `Model.encode`.

    Raises
    ------
    RtraveError
        The number of channels differs, or there is no sample.
    """
    ratio = model.network.ratio
    if x.ndim != 2 or x.shape[0] != model.network.channels or x.shape[1] == 0:
        raise RtraveError(
            f"audio: expected the shape [{model.network.channels}, samples] with at least one sample, got {x.shape}"
        )
    frames = -(-x.shape[1] // ratio)
    whole = frames + -frames % model.frames_per_step
    x = np.pad(x, ((0, 0), (0, whole * ratio - x.shape[1])))
    source = seeded_noise(seed)
    for start, end, first, last in _blocks(model, "encoder", whole):
        block = torch.from_numpy(np.ascontiguousarray(x[None, :, first * ratio : last * ratio], np.float32))
        z = model.encode(block.to(model.latent_mean), compressed, temperature, noise=_from(source, first))
        yield z[0, :, start - first : min(end, frames) - first].float().cpu().numpy()


@torch.no_grad()
def decode_blocks(model: Model, z: np.ndarray, compressed: bool = False, seed: int = 0) -> Iterator[np.ndarray]:
    """Decode latents float32 [D, N] and yield audio float32 [C, n * ratio] by blocks.

    Parameters
    ----------
    compressed : bool
        `z` is in the postprocessed form. It may hold the first components of a PCA only: noise fills the others.
    seed : int
        Seed of all draws.

    Raises
    ------
    RtraveError
        The latents do not fit the model, are empty, or hold NaN or infinity.
    """
    if z.ndim != 2 or z.shape[1] == 0:
        raise RtraveError(f"latents: expected the shape [dimensions, latent frames], not empty, got {z.shape}")
    if not np.isfinite(z).all():
        raise RtraveError("latents: expected finite numbers, got NaN or infinity")
    ratio, source, frames = model.network.ratio, seeded_noise(seed), z.shape[1]
    z = np.pad(z, ((0, 0), (0, -frames % model.frames_per_step)), mode="edge")
    for start, end, first, last in _blocks(model, "decoder", z.shape[1]):
        block = torch.from_numpy(np.ascontiguousarray(z[None, :, first:last], np.float32)).to(model.latent_mean)
        y = model.decode(block, compressed, noise=_from(source, first))
        yield y[0, :, (start - first) * ratio : (min(end, frames) - first) * ratio].float().cpu().numpy()
