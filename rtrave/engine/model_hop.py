"""The model's part of a hop: encode, edit the latents, decode. Arithmetic on explicit state; needs no torch."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import numpy as np
from numpy.typing import NDArray

from rtrave.backends.backend import Backend
from rtrave.backends.pipeline import Hop
from rtrave.control.parameter import SECOND_INPUT
from rtrave.control.vector import Layout
from rtrave.dsp.levels import silence_nonfinite
from rtrave.engine.attributes import Attributes
from rtrave.engine.latent_chain import LatentChain
from rtrave.engine.second_input import SecondInput
from rtrave.errors import RtraveError
from rtrave.model.latent_space import apart, seeded_noise
from rtrave.streaming.stream import Stream


class ModelHop:
    """Plays hops through a backend under a vector of controls: the `HopWork` of an engine.

    One thread at a time, which a pipeline chooses. The streams lie side by side; the channels of the first come first.

    Parameters
    ----------
    backend : Backend
    layout : Layout
        Of the controls.
    seed : int
        Default of the control `seed` of the noise source.
    second_input : bool
        The input has twice the channels: the second half is the second source of the latents. RtraveError where the
        backend cannot encode it.

    Attributes
    ----------
    channels, inputs : int
        Channels of the output, of all streams together, and of the input.
    stream : Stream
    chains : list of LatentChain
        The edits of each stream.
    """

    def __init__(self, backend: Backend, layout: Layout, seed: int, second_input: bool) -> None:
        facts = backend.facts
        spec, streams = facts.spec, facts.shape.batch
        self.stream = Stream(backend, apart(seeded_noise(seed), 1.0))
        self.channels = self.inputs = facts.channels
        self._second: SecondInput | None = None
        if second_input:
            if not backend.capabilities.second_input:
                raise RtraveError(
                    f"--second-input: expected a RAVE model, got {spec.name}, a third-party TorchScript file: "
                    "leave the option out"
                )
            self._second, self.inputs = SecondInput(backend), 2 * self.channels
        space = (facts.latent_pca, facts.latent_mean)
        self.chains = [LatentChain(layout, *space, spec.latent_rate_hz) for _ in range(streams)]
        self._layout, self._facts = layout, facts
        self._seed, self._width = seed, 1.0
        self._attributes = Attributes(self.stream, layout)
        self._held = np.zeros((streams, spec.full_latent_size, 1), np.float32)  # the last latents, for `freeze`

    def new_hop(self) -> Hop:
        """Return an empty hop."""
        facts, frames = self._facts, self._facts.shape.latent_frames
        x, y = (np.zeros((rows, facts.hop), np.float32) for rows in (self.inputs, self.channels))
        z_in, z_out = (np.zeros((facts.spec.full_latent_size, frames), np.float32) for _ in range(2))
        return Hop(x, np.tile(self._layout.defaults(), (frames, 1)), z_in, z_out, y)

    def play(self, hop: Hop) -> None:
        """Encode, edit and decode a hop in place.

        A hop with samples that are not finite becomes silent, and the model is reset.
        """
        if hop.reset:
            self.reset()
        slots, last = self._layout.slots, hop.controls[-1]
        with np.errstate(all="ignore"):  # overflow is counted; a warning would print
            self._follow_noise(int(last[slots["seed"]][0]), float(last[slots["out/width"]][0]))
            self._attributes.follow(last)
            temperature = hop.controls[:, slots["temperature"].start].astype(np.float32)
            z_in = self.stream.encode_hop(self._by_stream(hop.x[: self.channels]), hop.latent_frame, temperature)
            self._encode_second(hop.x[self.channels :], last[slots["source/slot"]][0] == SECOND_INPUT)
            z_out = self._edit(z_in, hop.controls, hop.latent_frame)
            hop.z_in[...], hop.z_out[...] = z_in[0], z_out[0]
            y = self.stream.decode_hop(z_out, hop.latent_frame)
            hop.y[...] = y.transpose(0, 2, 1).reshape(hop.y.shape)
            hop.nonfinite = silence_nonfinite(hop.y)
            if hop.nonfinite:
                hop.y[...] = 0
                self.reset()

    def _edit(self, z: NDArray[np.float32], controls: NDArray[np.float64], latent_frame: int) -> NDArray[np.float32]:
        """Edit latents [B, D, N] under controls [N, size]; while frozen, repeat the last frame before the freeze."""
        edited = np.empty_like(z)
        if controls[-1][self._layout.slots["freeze"]][0]:
            edited[...] = self._held
            return edited
        for k, chain in enumerate(self.chains):
            edited[k] = chain.process(z[k], controls, latent_frame, partial(self._draw, k))
        self._held[...] = edited[:, :, -1:]
        return edited

    def _by_stream(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """Reshape audio [streams * channels, hop] to [streams, hop, channels], a view."""
        return x.reshape(len(self.chains), self._facts.spec.channels, self._facts.hop).transpose(0, 2, 1)

    def _encode_second(self, x: NDArray[np.float32], selected: bool) -> None:
        latents = None if self._second is None else self._second.encode(self._by_stream(x), selected)
        for k, chain in enumerate(self.chains):
            chain.second = None if latents is None else latents[k]

    def _draw(self, stream: int, kind: str, latent_frame: int, shape: tuple[int, ...]) -> NDArray[np.float32]:
        """Draw random numbers [1, ...] for one stream: its row of the draws for all."""
        return self.stream.noise(kind, latent_frame, (stream + 1, *shape[1:]))[stream:]

    def _follow_noise(self, seed: int, width: float) -> None:
        if (seed, width) != (self._seed, self._width):
            self._seed, self._width = seed, width
            self.stream.noise = apart(seeded_noise(seed), width)

    def reset(self) -> None:
        """Return model and edits to the silence before the first sample; a recorded path stays."""
        self.stream.reset()
        for chain in self.chains:
            chain.reset()
        if self._second is not None:
            self._second.on = False
        self._attributes.reset()
        self._held[...] = 0

    def snapshot(self) -> dict[str, np.ndarray]:
        """Return a copy of everything the next hop depends on, by name."""
        own: dict[str, np.ndarray] = {"held": self._held.copy(), "attributes": self._attributes.seen.copy()}
        own |= {"seed": np.array(self._seed), "width": np.array(self._width)}
        for k, chain in enumerate(self.chains):
            own |= {f"chain.{k}.{name}": value for name, value in chain.snapshot().items()}
        if self._second is not None:
            own |= {f"second.{name}": value for name, value in self._second.snapshot().items()}
        return own | {f"stream.{name}": value for name, value in self.stream.snapshot().items()}

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Put a snapshot back; RtraveError where it is of another model, and nothing changes."""
        self.stream.restore(below("stream.", state))
        self._held[...] = state["held"]
        for k, chain in enumerate(self.chains):
            chain.restore(below(f"chain.{k}.", state))
        if self._second is not None:
            self._second.restore(below("second.", state))
        self._follow_noise(int(state["seed"]), float(state["width"]))
        self._attributes.seen[...] = state["attributes"]


def below(prefix: str, state: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the entries whose names begin with `prefix`, and remove it from the names."""
    return {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}
