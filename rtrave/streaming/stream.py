"""One live stream of a model, in blocks of any whole number of latent frames. Needs no torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np

from rtrave.backends.graph_shape import GraphShape
from rtrave.errors import RtraveError
from rtrave.model.latent_space import NoiseSource, draw_frames, sample_posterior, seeded_noise
from rtrave.model.spec import ModelSpec, check_length


class Backend(Protocol):
    """What a backend gives: encoder and decoder for one hop, and their state. See `OnnxBackend`."""

    spec: ModelSpec
    model_hash: str
    shape: GraphShape
    latent_pca: np.ndarray
    latent_mean: np.ndarray
    initial: dict[str, np.ndarray]
    frames_per_step: int

    def encode(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]: ...
    def draw_shapes(self) -> dict[str, tuple[int, int]]: ...
    def decode(self, z: np.ndarray, draws: Mapping[str, np.ndarray]) -> np.ndarray: ...
    def state(self) -> dict[str, np.ndarray]: ...


# Adaptive instance norm: attribute -> the states behind it, and which side of them
ATTRIBUTES = {
    "learn_source": (".learn", 0),
    "learn_target": (".learn", 1),
    "reset_source": (".known", 0),
    "reset_target": (".known", 1),
}


def attributes_of(spec: ModelSpec) -> tuple[str, ...]:
    """What `Stream.set_attribute` takes for a model: nothing, unless it has adaptive instance norm."""
    network = spec.network
    return tuple(ATTRIBUTES) if network and (network.encoder.adain or network.decoder.adain) else ()


COUNTERS = ("encoded_frames", "decoded_frames")


class Stream:
    """Encodes, decodes and processes block after block; the output does not depend on how the signal is cut.

    Arrays are float32 NumPy, audio [B, C, T], latents [B, D, N]. One thread at a time. The encoder and the decoder keep
    their own place: `encode` and `decode` may be called at different times.

    Parameters
    ----------
    parts : Backend
        A backend.
    noise : NoiseSource
        Draws for the posterior, the noise augmentation and the noise synthesiser.

    Attributes
    ----------
    encoded_frames, decoded_frames : int
        Latent frames so far: the indices of the next draws.
    """

    def __init__(self, parts: Backend, noise: NoiseSource) -> None:
        self.parts, self.spec, self.noise = parts, parts.spec, noise
        self.batch = parts.shape.batch
        self.hop = parts.shape.latent_frames * parts.spec.ratio
        self.encoded_frames = self.decoded_frames = 0
        self._draw_shapes = parts.draw_shapes()

    def process(self, x: np.ndarray) -> np.ndarray:
        """Audio [B, C, T] -> audio [B, C, T], T a multiple of `hop`, through the posterior's mean."""
        blocks = self._hops(x, (self.spec.channels, self.hop), "audio")
        return np.concatenate([self.decode(self.encode(block)) for block in blocks], axis=2)

    def encode(self, x: np.ndarray, temperature: float = 0.0) -> np.ndarray:
        """Audio [B, C, T] -> latents [B, D, T / ratio]: the posterior's mean, or a draw from it."""
        encoded = []
        for block in self._hops(x, (self.spec.channels, self.hop), "audio"):
            mean, std = (part.transpose(0, 2, 1) for part in self.parts.encode(block.transpose(0, 2, 1)))
            if temperature:
                normal = draw_frames(self.noise, "posterior", self.encoded_frames, mean.shape)
                mean = sample_posterior(mean, std, temperature, normal)
            self.encoded_frames += mean.shape[2]
            encoded.append(np.array(mean, np.float32))
        return np.concatenate(encoded, axis=2)

    def decode(self, z: np.ndarray) -> np.ndarray:
        """Latents [B, D, N] -> audio [B, C, N * ratio]; `delay` samples later than offline."""
        blocks = self._hops(z, (self.spec.full_latent_size, self.parts.shape.latent_frames), "latents")
        return np.concatenate([self.decode_hop(block).transpose(0, 2, 1).copy() for block in blocks], axis=2)

    def decode_hop(self, z: np.ndarray) -> np.ndarray:
        """Latents [B, D, N] of one hop -> audio [B, hop, C], time-major: a view, valid until the next call."""
        draws = draws_for(self.noise, self._draw_shapes, self.decoded_frames, z.shape[0], z.shape[2])
        y = self.parts.decode(z.transpose(0, 2, 1), draws)
        self.decoded_frames += z.shape[2]
        return y

    @property
    def attributes(self) -> tuple[str, ...]:
        """What `set_attribute` takes: nothing, unless the model has adaptive instance norm."""
        learns = any(name.endswith(".learn") for name in self.parts.state())
        return tuple(ATTRIBUTES) if learns else ()

    def set_attribute(self, name: str, value: bool) -> None:
        """Learn the source's or the target's statistics from what is heard, or forget them.

        RtraveError for a name that is not among `attributes`.
        """
        if name not in self.attributes:
            raise RtraveError(f"no attribute {name!r}: this model has {', '.join(self.attributes) or 'none'}")
        ending, side = ATTRIBUTES[name]
        for state_name, array in self.parts.state().items():
            if state_name.endswith(ending):
                array[:, side] = float(value) if ending == ".learn" else array[:, side] * (not value)

    def reset(self) -> None:
        """Back to the silence before the first sample."""
        for name, array in self.parts.state().items():
            array[...] = self.parts.initial.get(name, 0)
        self.encoded_frames = self.decoded_frames = 0

    def snapshot(self) -> dict[str, np.ndarray]:
        """A copy of everything the stream remembers."""
        state = {name: array.copy() for name, array in self.parts.state().items()}
        return state | {name: np.array(getattr(self, name)) for name in COUNTERS}

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Put a snapshot back; RtraveError where it is of another model or shape, and nothing changes."""
        own = self.parts.state()
        if {name: array.shape for name, array in own.items()} != {
            name: state[name].shape for name in state if name not in COUNTERS
        }:
            raise RtraveError("the snapshot is of another model or batch: restore it on the stream it came from")
        for name, array in own.items():
            array[...] = state[name]
        self.encoded_frames, self.decoded_frames = (int(state[name]) for name in COUNTERS)

    def _hops(self, signal: np.ndarray, hop_shape: tuple[int, int], what: str) -> list[np.ndarray]:
        rows, length = hop_shape
        if signal.ndim != 3 or signal.shape[:2] != (self.batch, rows):
            raise RtraveError(f"{what} of shape {signal.shape}: give [{self.batch}, {rows}, time]")
        if signal.shape[2] == 0 or signal.shape[2] % length:
            if what == "audio":
                check_length(signal.shape[2], self.spec.ratio)
            raise RtraveError(f"{what} of length {signal.shape[2]}: this stream takes multiples of {length}")
        signal = np.asarray(signal, np.float32)
        return [signal[:, :, start : start + length] for start in range(0, signal.shape[2], length)]


def draws_for(
    noise: NoiseSource, shapes: Mapping[str, tuple[int, int]], first_frame: int, batch: int, frames: int
) -> dict[str, np.ndarray]:
    """Draws of N latent frames as a decoder takes them: kind -> [B, N * rows, width].

    The source is asked for each latent frame: (B, width) where a kind has one row, else (B, width, rows).
    """
    drawn = {}
    for kind, (rows, width) in shapes.items():
        shape = (batch, width) if rows == 1 else (batch, width, rows)
        blocks = [noise(kind, first_frame + i, shape).reshape(batch, width, rows) for i in range(frames)]
        drawn[kind] = np.concatenate(blocks, axis=2).transpose(0, 2, 1)
    return drawn


def make_stream(parts: Backend, seed: int = 0, noise: NoiseSource | None = None) -> Stream:
    """A stream on a backend, with the seeded noise source unless another is given."""
    return Stream(parts, noise or seeded_noise(seed))
