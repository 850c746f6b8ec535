"""A model in memory through PyTorch: the reference that the compiled path is tested against, and the way onto a GPU."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy

import torch

from rtrave.backends.backend import Capabilities, Signal, States, copy_states, reset_states, restore_states
from rtrave.backends.facts import ModelFacts
from rtrave.backends.graph_shape import GraphShape, fitting
from rtrave.backends.pipeline import HopWork, ImmediatePipeline
from rtrave.layers.state import State, flatten, unflatten
from rtrave.model.rave import Model
from rtrave.model.weights import fingerprint, prepared


class TorchBackend:
    """Encoder and decoder of a model in memory; see `Backend`.

    The states stay in the computer's own memory, whatever the device, and travel with each hop.

    Parameters
    ----------
    model : Model
    shape : GraphShape
    device : str
        Of torch: "cpu", "cuda", "cuda:1" ...
    """

    def __init__(self, model: Model, shape: GraphShape, device: str = "cpu") -> None:
        shape, self.device = fitting(model, shape), device
        self._source = model
        self.model = prepared(model, shape.latent_frames, model.latent_mean.dtype, device)
        delay, least = model.encoder_delay(), model.frames_per_step
        self.facts = ModelFacts(
            model.spec, fingerprint(model), shape, *model.space(), delay, least, model.receptive_fields
        )
        self.capabilities = Capabilities(streams=shape.batch)
        self._states = self._fresh_states()
        self._initial = {name: array.copy() for name, array in self.state().items() if array.any()}

    def _fresh_states(self) -> dict[str, State]:
        return {part: self._source.initial_state(part, self.facts.shape.batch) for part in ("encoder", "decoder")}

    def clone(self) -> TorchBackend:
        """See `Backend`."""
        other = copy(self)
        other._states = self._fresh_states()
        return other

    def _state(self, part: str) -> State:
        leaves = flatten(self._states[part])
        return unflatten({name: leaf.to(self.device) for name, leaf in leaves.items()}, self._states[part])

    def _keep(self, part: str, state: State) -> None:
        self._states[part] = unflatten({name: leaf.cpu() for name, leaf in flatten(state).items()}, state)

    @torch.no_grad()
    def encode(self, x: Signal) -> tuple[Signal, Signal]:
        """See `Backend`."""
        block = torch.from_numpy(x).to(self.model.latent_mean)
        mean, std, state = self.model.encode_step(block, self._state("encoder"))
        self._keep("encoder", state)
        return mean.float().cpu().numpy(), std.float().cpu().numpy()

    def draw_shapes(self) -> dict[str, tuple[int, int]]:
        """See `Backend`."""
        return self.model.draw_shapes()

    @torch.no_grad()
    def decode(self, z: Signal, draws: Mapping[str, Signal]) -> Signal:
        """See `Backend`."""
        block = torch.from_numpy(z).to(self.model.latent_mean)
        drawn = {kind: torch.from_numpy(array).to(block) for kind, array in draws.items()}
        compensate = self.facts.shape.compat != "nn~"
        y, state = self.model.decode_step(block, self._state("decoder"), drawn, compensate)
        self._keep("decoder", state)
        return y.float().cpu().numpy()

    def state(self) -> States:
        """See `Backend`: the tensors' own memory."""
        return {
            f"{part}.{name}": leaf.numpy()
            for part, state in self._states.items()
            for name, leaf in flatten(state).items()
        }

    def reset(self) -> None:
        """See `Backend`."""
        reset_states(self.state(), self._initial)

    def snapshot(self) -> States:
        """See `Backend`."""
        return copy_states(self.state())

    def restore(self, states: Mapping[str, Signal]) -> None:
        """See `Backend`."""
        restore_states(self.state(), states)

    def pipeline(self, work: HopWork) -> ImmediatePipeline:
        """See `Backend`: at once."""
        return ImmediatePipeline(work)
