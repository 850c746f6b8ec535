"""The second input's own encoder: its latents can be the second source. Needs no torch."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from rtrave.backends.backend import Backend


class SecondInput:
    """Encodes the second input while it is selected, on the weights of the model that plays.

    It starts from silence each time it is selected. One thread at a time.

    Parameters
    ----------
    backend : Backend
        Backend of the stream that plays; its weights are shared, its state is not.

    Attributes
    ----------
    on : bool
        Selected in the last hop. After it is set to False, the next hop starts from silence.
    """

    def __init__(self, backend: Backend) -> None:
        self._backend = backend.clone()
        self.on = False

    def encode(self, x: NDArray[np.float32], selected: bool) -> NDArray[np.float32] | None:
        """Audio [B, hop, C] -> the posterior's mean [B, D, N]; None, and no work, where it is not selected."""
        if not selected:
            self.on = False
            return None
        if not self.on:
            self.on = True
            self._backend.reset()
        mean, _ = self._backend.encode(x)
        return mean.transpose(0, 2, 1).copy()

    def snapshot(self) -> dict[str, np.ndarray]:
        """Return a copy of everything the next hop depends on, by name."""
        return self._backend.snapshot() | {"on": np.array(self.on)}

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Put a snapshot back."""
        self._backend.restore({name: array for name, array in state.items() if name != "on"})
        self.on = bool(state["on"])
