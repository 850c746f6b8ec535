"""Encoding and decoding of whole recordings by compiled graphs, in long blocks on all cores. Needs no torch.

The result is that of a stream, moved back by its delay. A recording is cut into segments that run side by side. The
stream of each segment begins earlier by the receptive field, so that it does not depend on where the recording was cut.
After the end the encoder reads silence, and the decoder repeats the last latent frame.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from typing import Literal, TypeVar

import numpy as np

from rtrave.backends.backend import Backend
from rtrave.errors import RtraveError
from rtrave.model.latent_space import NoiseSource, sample_posterior
from rtrave.streaming.stream import draws_for

SEGMENT_SAMPLES = 1 << 20  # longest segment

Part = Literal["encoder", "decoder"]
Result = TypeVar("Result")


def _segments(backend: Backend, part: Part, frames: int, workers: int) -> Iterator[tuple[int, int]]:
    """Yield (start, end) of each segment in latent frames: one for each worker, more if they would be too long.

    A part ("encoder" or "decoder") with an unbounded receptive field depends on all of its past: one segment.
    """
    if backend.facts.receptive_fields[part] is None:
        yield 0, frames
        return
    size = min(max(SEGMENT_SAMPLES // backend.facts.spec.ratio, 1), -(-frames // workers))
    size += -size % backend.facts.frames_per_step
    for start in range(0, frames, size):
        yield start, min(start + size, frames)


def _beginning(backend: Backend, part: Part, start: int) -> int:
    """Return the latent frame at which a stream must begin to be correct from the latent frame `start` on.

    The receptive field counts back from the newest input of the step that contains `start`.
    """
    field, step = backend.facts.receptive_fields[part], backend.facts.frames_per_step
    if field is None:
        return 0
    inputs_per_frame = backend.facts.spec.ratio if part == "encoder" else 1
    newest = (start - start % step + step) * inputs_per_frame - 1
    begin = max(newest - field, 0) // inputs_per_frame
    return begin - begin % step


def _in_order(
    backend: Backend, part: Part, work: Callable[[Backend, int, int], Result], frames: int, workers: int
) -> Iterator[Result]:
    """Yield the results of all segments in order; at most two per worker are in memory."""
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
    """Encode audio float32 [C, T] and yield latents float32 [D, n] by segments; T is padded to whole latent frames.

    Parameters
    ----------
    backend : Backend
        Batch 1. Only its weights are used: each worker has a clone.
    noise : NoiseSource
        Draws from the posterior if `temperature` is not 0: latent frame n has draw n.
    workers : int
        Number of threads.

    Raises
    ------
    RtraveError
        The number of channels differs, or there is no sample.
    """
    ratio, channels = backend.facts.spec.ratio, backend.facts.spec.channels
    if x.ndim != 2 or x.shape[0] != channels or x.shape[1] == 0:
        raise RtraveError(f"audio: expected the shape [{channels}, samples] with at least one sample, got {x.shape}")
    early = -backend.facts.encoder_delay % ratio  # leading silence makes the delay whole latent frames
    late = (backend.facts.encoder_delay + early) // ratio

    def audio(first: int, count: int) -> np.ndarray:
        """Return `count` latent frames of the stream's input [1, samples, C], with silence around the audio."""
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
                indices = range(block - late, block - late + step)  # negative ones are cut off below
                normal = np.stack([noise("posterior", max(i, 0), (1, len(mean)))[0] for i in indices], axis=1)
                mean = sample_posterior(mean, std, temperature, normal)
            found.append(np.array(mean, np.float32))
        return np.concatenate(found, axis=1)[:, start + late - first : end + late - first]

    yield from _in_order(backend, "encoder", work, -(-x.shape[1] // ratio), workers)


def decode_recording(backend: Backend, z: np.ndarray, noise: NoiseSource, workers: int = 1) -> Iterator[np.ndarray]:
    """Decode latents float32 [D, N] and yield audio float32 [C, n * ratio] by segments.

    Parameters
    ----------
    backend : Backend
        Batch 1. Only its weights are used: each worker has a clone.
    noise : NoiseSource
        All draws of the decoder: latent frame n has draw n.
    workers : int
        Number of threads.

    Raises
    ------
    RtraveError
        The latents do not fit the model, are empty, or hold NaN or infinity.
    """
    ratio, dims, frames = backend.facts.spec.ratio, backend.facts.spec.full_latent_size, z.shape[-1]
    if z.ndim != 2 or z.shape[0] != dims or frames == 0:
        raise RtraveError(f"latents: expected the shape [{dims}, latent frames] with at least one frame, got {z.shape}")
    if not np.isfinite(z).all():
        raise RtraveError("latents: expected finite numbers, got NaN or infinity")
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
