"""The same parts through torch: the reference that the compiled path is tested against."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import torch

from rtrave.layers.state import flatten
from rtrave.model.rave import Model
from rtrave.model.weights import fingerprint
from rtrave.streaming.graph_cache import GraphShape


class TorchParts:
    """Encoder and decoder of a model in memory, one hop at a time; the methods of `OnnxParts`."""

    def __init__(self, model: Model, shape: GraphShape) -> None:
        shape = replace(shape, latent_frames=math.lcm(shape.latent_frames, model.frames_per_step))
        self.model, self.spec, self.shape = model, model.spec, shape
        self.model_hash = fingerprint(model)
        self.latent_pca, self.latent_mean = model.space()
        self._states = {part: model.initial_state(part, shape.batch) for part in ("encoder", "decoder")}
        self.initial = {name: array.copy() for name, array in self.state().items() if array.any()}

    @torch.no_grad()
    def encode(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Audio [B, hop, C] -> mean and std [B, N, D]."""
        block = torch.from_numpy(x).to(self.model.latent_mean)
        mean, std, self._states["encoder"] = self.model.encode_step(block, self._states["encoder"])
        return mean.float().numpy(), std.float().numpy()

    def draw_shapes(self) -> dict[str, tuple[int, int]]:
        """Random numbers that `decode` needs per latent frame: kind -> (rows, width)."""
        return self.model.draw_shapes()

    @torch.no_grad()
    def decode(self, z: np.ndarray, draws: Mapping[str, np.ndarray]) -> np.ndarray:
        """Latents [B, N, D] and draws [B, N * rows, width] -> audio [B, hop, C]."""
        block = torch.from_numpy(z).to(self.model.latent_mean)
        drawn = {kind: torch.from_numpy(array).to(block) for kind, array in draws.items()}
        compensate = self.shape.compat != "nn~"
        y, self._states["decoder"] = self.model.decode_step(block, self._states["decoder"], drawn, compensate)
        return y.float().numpy()

    def state(self) -> dict[str, np.ndarray]:
        """All states by name: the tensors' own memory, to be read or written between two calls."""
        return {
            f"{part}.{name}": leaf.numpy()
            for part, state in self._states.items()
            for name, leaf in flatten(state).items()
        }
