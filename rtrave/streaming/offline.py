"""Encoding and decoding whole recordings through compiled graphs: long blocks, all cores. Needs no torch.

What a stream gives, moved back by its delay. A recording is cut into segments that are worked on side by side; each
begins early enough for its stream to have forgotten that it began. After the end the encoder hears silence, and the
decoder the last latent frame on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from typing import TypeVar

import numpy as np

from rtrave.backends.backend import Backend
from rtrave.errors import RtraveError
from rtrave.model.latent_space import NoiseSource, sample_posterior
from rtrave.streaming.stream import draws_for

SEGMENT_SAMPLES = 1 << 20  # at most
# A stream forgets what came so long ago: the longest memory known is 34080 samples, of the first version's decoder
MEMORY_SAMPLES = 36864
MEMORY_FRAMES = 18  # at least, for models of a larger ratio, whose memory grows with it

Result = TypeVar("Result")


def _segments(parts: Backend, frames: int, workers: int) -> Iterator[tuple[int, int]]:
    """(start, end) in latent frames: as long as they may be, but as many as there are workers."""
    size = min(max(SEGMENT_SAMPLES // parts.facts.spec.ratio, 1), -(-frames // workers))
    size += -size % parts.facts.frames_per_step
    for start in range(0, frames, size):
        yield start, min(start + size, frames)


def _beginning(parts: Backend, start: int) -> int:
    """Where a stream begins, in latent frames, that knows everything it should at `start`."""
    begin = max(start - max(-(-MEMORY_SAMPLES // parts.facts.spec.ratio), MEMORY_FRAMES), 0)
    return begin - begin % parts.facts.frames_per_step


def _in_order(
    parts: Backend, work: Callable[[Backend, int, int], Result], frames: int, workers: int
) -> Iterator[Result]:
    """The results of all segments in their order; a few of them wait, never all."""
    free: SimpleQueue[Backend] = SimpleQueue()
    for _ in range(workers):
        free.put(parts.clone())

    def one(segment: tuple[int, int]) -> Result:
        own = free.get()
        try:
            own.reset()
            return work(own, *segment)
        finally:
            free.put(own)

    segments = _segments(parts, frames, workers)
    with ThreadPoolExecutor(workers) as pool:
        waiting = [pool.submit(one, segment) for _, segment in zip(range(2 * workers), segments, strict=False)]
        while waiting:
            yield waiting.pop(0).result()
            waiting += [pool.submit(one, segment) for _, segment in zip(range(1), segments, strict=False)]


def encode_recording(
    parts: Backend, x: np.ndarray, noise: NoiseSource, temperature: float = 0.0, workers: int = 1
) -> Iterator[np.ndarray]:
    """Audio float32 [C, T] -> latents float32 [D, n], segment after segment; T is filled up to whole latent frames.

    Parameters
    ----------
    parts : Backend
        Of batch 1; not used itself, only its weights.
    noise : NoiseSource
        Draws of the posterior, where `temperature` is not 0: latent frame n has the draw n.
    workers : int
        Threads.

    Raises
    ------
    RtraveError
        Another number of channels, or no sample.
    """
    ratio, channels = parts.facts.spec.ratio, parts.facts.spec.channels
    if x.ndim != 2 or x.shape[0] != channels or x.shape[1] == 0:
        raise RtraveError(f"audio of shape {x.shape}: give [{channels}, samples], at least one sample")
    early = -parts.facts.encoder_delay % ratio  # silence before it, so that the latents are late by whole frames
    late = (parts.facts.encoder_delay + early) // ratio

    def audio(first: int, count: int) -> np.ndarray:
        """So many latent frames of the stream's input [1, samples, C], silence around it."""
        start = first * ratio - early
        block = np.zeros((1, count * ratio, channels), np.float32)
        known = x[:, max(start, 0) : max(start + count * ratio, 0)]
        block[0, max(-start, 0) : max(-start, 0) + known.shape[1]] = known.T
        return block

    def work(own: Backend, start: int, end: int) -> np.ndarray:
        step, first = own.facts.shape.latent_frames, _beginning(own, start + late)
        found = []
        for block in range(first, end + late, step):
            mean, std = (part[0].T for part in own.encode(audio(block, step)))
            if temperature:
                indices = range(block - late, block - late + step)  # those below 0 are cut off in the end
                normal = np.stack([noise("posterior", max(i, 0), (1, len(mean)))[0] for i in indices], axis=1)
                mean = sample_posterior(mean, std, temperature, normal)
            found.append(np.array(mean, np.float32))
        return np.concatenate(found, axis=1)[:, start + late - first : end + late - first]

    yield from _in_order(parts, work, -(-x.shape[1] // ratio), workers)


def decode_recording(parts: Backend, z: np.ndarray, noise: NoiseSource, workers: int = 1) -> Iterator[np.ndarray]:
    """Latents float32 [D, N] -> audio float32 [C, n * ratio], segment after segment.

    Parameters
    ----------
    parts : Backend
        Of batch 1; not used itself, only its weights.
    noise : NoiseSource
        Draws of everything the decoder draws: latent frame n has the draw n.
    workers : int
        Threads.

    Raises
    ------
    RtraveError
        Latents that do not fit the model, none, or NaN or infinity among them.
    """
    ratio, dims, frames = parts.facts.spec.ratio, parts.facts.spec.full_latent_size, z.shape[-1]
    if z.ndim != 2 or z.shape[0] != dims or frames == 0:
        raise RtraveError(f"latents of shape {z.shape}: give [{dims}, latent frames], at least one frame")
    if not np.isfinite(z).all():
        raise RtraveError("the latents hold NaN or infinity: give numbers only")
    delay = parts.facts.spec.delay - parts.facts.encoder_delay
    shapes = parts.draw_shapes()

    def work(own: Backend, start: int, end: int) -> np.ndarray:
        step, first = own.facts.shape.latent_frames, _beginning(own, start)
        found = []
        for block in range(first, end + -(-delay // ratio), step):
            known = z[:, np.arange(block, block + step).clip(max=frames - 1)]
            draws = draws_for(noise, shapes, block, 1, step)
            found.append(own.decode(known.T[None], draws)[0].T.copy())
        skipped = (start - first) * ratio + delay
        return np.concatenate(found, axis=1)[:, skipped : skipped + (end - start) * ratio]

    yield from _in_order(parts, work, frames, workers)
