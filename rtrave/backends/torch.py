"""The same parts through torch: the reference that the compiled path is tested against, and the way onto a GPU."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch

from rtrave.backends.graph_shape import GraphShape, fitting
from rtrave.layers.state import State, flatten, unflatten
from rtrave.model.rave import Model
from rtrave.model.weights import fingerprint, prepared


class TorchBackend:
    """Encoder and decoder of a model in memory, one hop at a time; the methods of `OnnxBackend`.

    The states stay in the computer's own memory, whatever the device, and travel with each hop.

    Parameters
    ----------
    model : Model
    shape : GraphShape
    device : str
        Of torch: "cpu", "cuda", "cuda:1" ...
    """

    def __init__(self, model: Model, shape: GraphShape, device: str = "cpu") -> None:
        self.spec, self.shape, self.device = model.spec, fitting(model, shape), device
        self.model = prepared(model, self.shape.latent_frames, model.latent_mean.dtype, device)
        self.model_hash, self.frames_per_step = fingerprint(model), model.frames_per_step
        self.latent_pca, self.latent_mean = model.space()
        self._states = {part: model.initial_state(part, shape.batch) for part in ("encoder", "decoder")}
        self.initial = {name: array.copy() for name, array in self.state().items() if array.any()}

    def _state(self, part: str) -> State:
        leaves = flatten(self._states[part])
        return unflatten({name: leaf.to(self.device) for name, leaf in leaves.items()}, self._states[part])

    def _keep(self, part: str, state: State) -> None:
        self._states[part] = unflatten({name: leaf.cpu() for name, leaf in flatten(state).items()}, state)

    @torch.no_grad()
    def encode(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Audio [B, hop, C] -> mean and std [B, N, D]."""
        block = torch.from_numpy(x).to(self.model.latent_mean)
        mean, std, state = self.model.encode_step(block, self._state("encoder"))
        self._keep("encoder", state)
        return mean.float().cpu().numpy(), std.float().cpu().numpy()

    def draw_shapes(self) -> dict[str, tuple[int, int]]:
        """Random numbers that `decode` needs per latent frame: kind -> (rows, width)."""
        return self.model.draw_shapes()

    @torch.no_grad()
    def decode(self, z: np.ndarray, draws: Mapping[str, np.ndarray]) -> np.ndarray:
        """Latents [B, N, D] and draws [B, N * rows, width] -> audio [B, hop, C]."""
        block = torch.from_numpy(z).to(self.model.latent_mean)
        drawn = {kind: torch.from_numpy(array).to(block) for kind, array in draws.items()}
        compensate = self.shape.compat != "nn~"
        y, state = self.model.decode_step(block, self._state("decoder"), drawn, compensate)
        self._keep("decoder", state)
        return y.float().cpu().numpy()

    def state(self) -> dict[str, np.ndarray]:
        """All states by name: the tensors' own memory, to be read or written between two calls."""
        return {
            f"{part}.{name}": leaf.numpy()
            for part, state in self._states.items()
            for name, leaf in flatten(state).items()
        }
