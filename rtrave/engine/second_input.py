"""The second input's own encoder: what it hears can be the second source of the latents. Needs no torch."""

from __future__ import annotations

import numpy as np

from rtrave.backends.onnx import OnnxBackend
from rtrave.backends.routed import RoutedBackend


class SecondInput:
    """Encodes the second input while it is wanted, on the graphs of the model that plays.

    It begins with silence each time it is switched on: what was said before is not heard then. One thread at a time.

    Parameters
    ----------
    parts : OnnxBackend or RoutedBackend
        Of the stream that plays: the graphs are shared, the memory is not.
    """

    def __init__(self, parts: OnnxBackend | RoutedBackend) -> None:
        self._parts = parts.twin()
        self.on = False

    def hear(self, x: np.ndarray, wanted: bool) -> np.ndarray | None:
        """Audio [B, hop, C] -> the posterior's mean [B, D, N]; None, and no work, where it is not wanted."""
        if not wanted:
            self.on = False
            return None
        if not self.on:
            self.on = True
            for name, array in self._parts.state().items():
                array[...] = self._parts.initial.get(name, 0)
        mean, _ = self._parts.encode(x)
        return mean.transpose(0, 2, 1).copy()

    def snapshot(self) -> dict[str, np.ndarray]:
        """A copy of everything the next hop depends on, by name."""
        state = self._parts.state()
        return {name: state[name].copy() for name in state if name.startswith("encoder.")} | {"on": np.array(self.on)}

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """The inverse of `snapshot`."""
        for name, array in self._parts.state().items():
            if name.startswith("encoder."):
                array[...] = state[name]
        self.on = bool(state["on"])
