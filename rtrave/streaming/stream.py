"""One live stream of a model, in blocks of any whole number of latent frames. Needs no torch."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from rtrave.backends.backend import Backend
from rtrave.errors import RtraveError
from rtrave.model.latent_space import NoiseSource, draw_frames, sample_posterior
from rtrave.model.spec import ModelSpec, check_length

# Adaptive instance norm: attribute -> how the names of its states end, and their column (0 source, 1 target)
ATTRIBUTES = {
    "learn_source": (".learn", 0),
    "learn_target": (".learn", 1),
    "reset_source": (".known", 0),
    "reset_target": (".known", 1),
}


def attributes_of(spec: ModelSpec) -> tuple[str, ...]:
    """Return the names that `Stream.set_attribute` takes for a model: none, unless it has adaptive instance norm."""
    network = spec.network
    return tuple(ATTRIBUTES) if network and (network.encoder.adain or network.decoder.adain) else ()


COUNTERS = ("encoded_frames", "decoded_frames")


class Stream:
    """Encodes, decodes and processes block after block; the output does not depend on how the signal is cut.

    Arrays are float32 NumPy, audio [B, C, T], latents [B, D, N]. One thread at a time. The encoder and the decoder keep
    their own place: `encode` and `decode` may be called at different times.

    Parameters
    ----------
    backend : Backend
    noise : NoiseSource
        Draws for the posterior, the noise augmentation and the noise synthesiser.

    Attributes
    ----------
    encoded_frames, decoded_frames : int
        Latent frames so far: the indices of the next draws.
    """

    def __init__(self, backend: Backend, noise: NoiseSource) -> None:
        self.backend, self.spec, self.noise = backend, backend.facts.spec, noise
        self.batch, self.hop = backend.facts.shape.batch, backend.facts.hop
        self.encoded_frames = self.decoded_frames = 0
        self._draw_shapes = backend.draw_shapes()

    def process(self, x: np.ndarray) -> np.ndarray:
        """Audio [B, C, T] -> audio [B, C, T], T a multiple of `hop`, through the posterior's mean."""
        blocks = self._hops(x, (self.spec.channels, self.hop), "audio")
        return np.concatenate([self.decode(self.encode(block)) for block in blocks], axis=2)

    def encode(self, x: np.ndarray, temperature: float = 0.0) -> np.ndarray:
        """Audio [B, C, T] -> latents [B, D, T / ratio]: the posterior's mean, or a draw from it."""
        encoded = []
        for block in self._hops(x, (self.spec.channels, self.hop), "audio"):
            encoded.append(self.encode_hop(block.transpose(0, 2, 1), self.encoded_frames, temperature))
            self.encoded_frames += encoded[-1].shape[2]
        return np.concatenate(encoded, axis=2)

    def decode(self, z: np.ndarray) -> np.ndarray:
        """Latents [B, D, N] -> audio [B, C, N * ratio]; `delay` samples later than offline."""
        decoded = []
        for block in self._hops(z, (self.spec.full_latent_size, self.backend.facts.shape.latent_frames), "latents"):
            decoded.append(self.decode_hop(block, self.decoded_frames).transpose(0, 2, 1).copy())
            self.decoded_frames += block.shape[2]
        return np.concatenate(decoded, axis=2)

    def encode_hop(
        self, x: NDArray[np.float32], latent_frame: int, temperature: float | NDArray[np.float32] = 0.0
    ) -> NDArray[np.float32]:
        """Encode one hop, audio [B, hop, C], whose first latent frame has the index `latent_frame`.

        Parameters
        ----------
        temperature : float or float32 [N]
            Scale of the posterior's deviation; 0 is the mean.

        Returns
        -------
        float32 [B, D, N]
            A copy.
        """
        mean, std = (part.transpose(0, 2, 1) for part in self.backend.encode(x))
        if np.any(temperature):
            normal = draw_frames(self.noise, "posterior", latent_frame, mean.shape)
            mean = sample_posterior(mean, std, temperature, normal)
        return np.array(mean, np.float32, order="C")

    def decode_hop(self, z: NDArray[np.float32], latent_frame: int) -> NDArray[np.float32]:
        """Decode one hop, latents [B, D, N] -> audio [B, hop, C], time-major; valid until the next call."""
        draws = draws_for(self.noise, self._draw_shapes, latent_frame, z.shape[0], z.shape[2])
        return self.backend.decode(z.transpose(0, 2, 1), draws)

    @property
    def attributes(self) -> tuple[str, ...]:
        """Names that `set_attribute` takes: none, unless the model has adaptive instance norm."""
        learns = any(name.endswith(".learn") for name in self.backend.state())
        return tuple(ATTRIBUTES) if learns else ()

    def set_attribute(self, name: str, value: bool) -> None:
        """Learn the statistics of the source or the target from the input, or clear what was learned.

        RtraveError for a name that is not among `attributes`.
        """
        if name not in self.attributes:
            known = ", ".join(self.attributes) or "none, since this model has no attributes"
            raise RtraveError(f"attribute: expected {known}, got {name!r}: use one of these")
        ending, side = ATTRIBUTES[name]
        for state_name, array in self.backend.state().items():
            if state_name.endswith(ending):
                array[:, side] = float(value) if ending == ".learn" else array[:, side] * (not value)

    def reset(self) -> None:
        """Return to the silence before the first sample."""
        self.backend.reset()
        self.encoded_frames = self.decoded_frames = 0

    def snapshot(self) -> dict[str, np.ndarray]:
        """Return a copy of everything the next block depends on; RtraveError for a third-party TorchScript file."""
        return self.backend.snapshot() | {name: np.array(getattr(self, name)) for name in COUNTERS}

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Put a snapshot back; RtraveError where it is of another model or shape, and nothing changes."""
        self.backend.restore({name: array for name, array in state.items() if name not in COUNTERS})
        self.encoded_frames, self.decoded_frames = (int(state[name]) for name in COUNTERS)

    def _hops(self, signal: np.ndarray, hop_shape: tuple[int, int], what: str) -> list[np.ndarray]:
        rows, length = hop_shape
        if signal.ndim != 3 or signal.shape[:2] != (self.batch, rows):
            raise RtraveError(f"{what}: expected the shape [{self.batch}, {rows}, time], got {signal.shape}")
        if signal.shape[2] == 0 or signal.shape[2] % length:
            if what == "audio":
                check_length(signal.shape[2], self.spec.ratio)
            raise RtraveError(f"{what}: expected a length that is a multiple of {length}, got {signal.shape[2]}")
        signal = np.asarray(signal, np.float32)
        return [signal[:, :, start : start + length] for start in range(0, signal.shape[2], length)]


def draws_for(
    noise: NoiseSource, shapes: Mapping[str, tuple[int, int]], first_frame: int, batch: int, frames: int
) -> dict[str, np.ndarray]:
    """Draw the random numbers of N latent frames in the layout of a decoder: kind -> [B, N * rows, width].

    The source is called for each latent frame, with (B, width) where a kind has one row, else (B, width, rows).
    """
    drawn = {}
    for kind, (rows, width) in shapes.items():
        shape = (batch, width) if rows == 1 else (batch, width, rows)
        blocks = [noise(kind, first_frame + i, shape).reshape(batch, width, rows) for i in range(frames)]
        drawn[kind] = np.concatenate(blocks, axis=2).transpose(0, 2, 1)
    return drawn
