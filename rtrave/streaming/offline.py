"""Encoding and decoding whole recordings through compiled graphs: long blocks, all cores. Needs no torch.

The result is that of a stream, moved back by its delay. A recording is cut into segments that run side by side. The
stream of each segment begins earlier by the receptive field, so that it does not depend on where the recording was cut.
After the end the encoder reads silence, and the decoder repeats the last latent frame.
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

Result = TypeVar("Result")


def _segments(backend: Backend, part: str, frames: int, workers: int) -> Iterator[tuple[int, int]]:
    """Yield (start, end) of each segment in latent frames: as long as allowed, and at least one for each worker.

    A part without a bound on its receptive field depends on everything before it: one segment.
    """
    if backend.facts.receptive_fields[part] is None:
        yield 0, frames
        return
    size = min(max(SEGMENT_SAMPLES // backend.facts.spec.ratio, 1), -(-frames // workers))
    size += -size % backend.facts.frames_per_step
    for start in range(0, frames, size):
        yield start, min(start + size, frames)


def _beginning(backend: Backend, part: str, start: int) -> int:
    """Latent frame at which a stream must begin, so that everything from the latent frame `start` on is right.

    A receptive field counts back from the newest input of a step, here of the step that holds `start`.
    """
    field, step = backend.facts.receptive_fields[part], backend.facts.frames_per_step
    if field is None:
        return 0
    inputs_per_frame = backend.facts.spec.ratio if part == "encoder" else 1
    newest = (start - start % step + step) * inputs_per_frame - 1
    begin = max(newest - field, 0) // inputs_per_frame
    return begin - begin % step


def _in_order(
    backend: Backend, part: str, work: Callable[[Backend, int, int], Result], frames: int, workers: int
) -> Iterator[Result]:
    """The results of all segments in their order; a few of them wait, never all."""
    free: SimpleQueue[Backend] = SimpleQueue()
    for _ in range(workers):
        free.put(backend.clone())

    def one(segment: tuple[int, int]) -> Result:
        own = free.get()
        try:
            own.reset()
            return work(own, *segment)
        finally:
            free.put(own)

    segments = _segments(backend, part, frames, workers)
    with ThreadPoolExecutor(workers) as pool:
        waiting = [pool.submit(one, segment) for _, segment in zip(range(2 * workers), segments, strict=False)]
        while waiting:
            yield waiting.pop(0).result()
            waiting += [pool.submit(one, segment) for _, segment in zip(range(1), segments, strict=False)]


def encode_recording(
    backend: Backend, x: np.ndarray, noise: NoiseSource, temperature: float = 0.0, workers: int = 1
) -> Iterator[np.ndarray]:
    """Audio float32 [C, T] -> latents float32 [D, n], segment after segment; T is filled up to whole latent frames.

    Parameters
    ----------
    backend : Backend
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
    ratio, channels = backend.facts.spec.ratio, backend.facts.spec.channels
    if x.ndim != 2 or x.shape[0] != channels or x.shape[1] == 0:
        raise RtraveError(f"audio of shape {x.shape}: give [{channels}, samples], at least one sample")
    early = -backend.facts.encoder_delay % ratio  # silence before it, so that the latents are late by whole frames
    late = (backend.facts.encoder_delay + early) // ratio

    def audio(first: int, count: int) -> np.ndarray:
        """So many latent frames of the stream's input [1, samples, C], silence around it."""
        start = first * ratio - early
        block = np.zeros((1, count * ratio, channels), np.float32)
        known = x[:, max(start, 0) : max(start + count * ratio, 0)]
        block[0, max(-start, 0) : max(-start, 0) + known.shape[1]] = known.T
        return block

    def work(own: Backend, start: int, end: int) -> np.ndarray:
        step, first = own.facts.shape.latent_frames, _beginning(own, "encoder", start + late)
        found = []
        for block in range(first, end + late, step):
            mean, std = (part[0].T for part in own.encode(audio(block, step)))
            if temperature:
                indices = range(block - late, block - late + step)  # those below 0 are cut off in the end
                normal = np.stack([noise("posterior", max(i, 0), (1, len(mean)))[0] for i in indices], axis=1)
                mean = sample_posterior(mean, std, temperature, normal)
            found.append(np.array(mean, np.float32))
        return np.concatenate(found, axis=1)[:, start + late - first : end + late - first]

    yield from _in_order(backend, "encoder", work, -(-x.shape[1] // ratio), workers)


def decode_recording(backend: Backend, z: np.ndarray, noise: NoiseSource, workers: int = 1) -> Iterator[np.ndarray]:
    """Latents float32 [D, N] -> audio float32 [C, n * ratio], segment after segment.

    Parameters
    ----------
    backend : Backend
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
    ratio, dims, frames = backend.facts.spec.ratio, backend.facts.spec.full_latent_size, z.shape[-1]
    if z.ndim != 2 or z.shape[0] != dims or frames == 0:
        raise RtraveError(f"latents of shape {z.shape}: give [{dims}, latent frames], at least one frame")
    if not np.isfinite(z).all():
        raise RtraveError("the latents hold NaN or infinity: give numbers only")
    delay = backend.facts.spec.delay - backend.facts.encoder_delay
    shapes = backend.draw_shapes()

    def work(own: Backend, start: int, end: int) -> np.ndarray:
        step, first = own.facts.shape.latent_frames, _beginning(own, "decoder", start)
        found = []
        for block in range(first, end + -(-delay // ratio), step):
            known = z[:, np.arange(block, block + step).clip(max=frames - 1)]
            draws = draws_for(noise, shapes, block, 1, step)
            found.append(own.decode(known.T[None], draws)[0].T.copy())
        skipped = (start - first) * ratio + delay
        return np.concatenate(found, axis=1)[:, skipped : skipped + (end - start) * ratio]

    yield from _in_order(backend, "decoder", work, frames, workers)
