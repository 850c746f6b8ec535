"""Encoding and decoding whole recordings through torch, in long blocks: what `Model.encode` and `decode` give, in
bounded memory, on any of torch's devices.

Each block is read with so much of its surroundings that its own part comes out as it would in the whole.
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
    """Yield (start, end) of each block and (first, last) of the input it reads, in latent frames, in whole steps.

    The input reaches beyond the block by the receptive field of the part ("encoder" or "decoder") on both sides: a
    centred model reads ahead, but never further than its stream reads back. A part without a bound on its receptive
    field takes everything as one block.
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
    """The same noise for a signal that begins at latent frame `first`."""
    return lambda kind, latent_frame, shape: noise(kind, latent_frame + first, shape)


@torch.no_grad()
def encode_blocks(
    model: Model, x: np.ndarray, compressed: bool = False, temperature: float = 0.0, seed: int = 0
) -> Iterator[np.ndarray]:
    """Audio float32 [C, T] -> latents float32 [D, n], block after block; T is filled up to whole latent frames.

    Parameters
    ----------
    compressed : bool
        The form musicians know: see `Model.encode`.
    temperature, seed
        As in `Model.encode`.

    Raises
    ------
    RtraveError
        Another number of channels, or no sample.
    """
    ratio = model.network.ratio
    if x.ndim != 2 or x.shape[0] != model.network.channels or x.shape[1] == 0:
        raise RtraveError(f"audio of shape {x.shape}: give [{model.network.channels}, samples], at least one sample")
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
    """Latents float32 [D, N] -> audio float32 [C, n * ratio], block after block.

    Parameters
    ----------
    compressed : bool
        `z` is in the form musicians know, and may hold the first components of a PCA alone: the others are filled.
    seed : int
        Of everything drawn.

    Raises
    ------
    RtraveError
        Latents that do not fit the model, none, or NaN or infinity among them.
    """
    if z.ndim != 2 or z.shape[1] == 0:
        raise RtraveError(f"latents of shape {z.shape}: give [dimensions, latent frames], at least one frame")
    if not np.isfinite(z).all():
        raise RtraveError("the latents hold NaN or infinity: give numbers only")
    ratio, source, frames = model.network.ratio, seeded_noise(seed), z.shape[1]
    z = np.pad(z, ((0, 0), (0, -frames % model.frames_per_step)), mode="edge")
    for start, end, first, last in _blocks(model, "decoder", z.shape[1]):
        block = torch.from_numpy(np.ascontiguousarray(z[None, :, first:last], np.float32)).to(model.latent_mean)
        y = model.decode(block, compressed, noise=_from(source, first))
        yield y[0, :, (start - first) * ratio : (min(end, frames) - first) * ratio].float().cpu().numpy()
