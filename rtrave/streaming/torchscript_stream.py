"""A stream of a third-party TorchScript file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from rtrave.backends.torchscript.backend import TorchScriptBackend
from rtrave.backends.torchscript.facts import ensure_torchscript, open_torchscript
from rtrave.errors import RtraveError
from rtrave.model.latent_space import NoiseSource, seeded_noise
from rtrave.streaming.stream import Stream


class TorchScriptStream(Stream):
    """A stream of a foreign script: as any other, but it can only begin anew, not be kept and put back."""

    def __init__(self, parts: TorchScriptBackend, noise: NoiseSource) -> None:
        super().__init__(parts, noise)
        self._begin_anew = parts.reset

    def reset(self) -> None:
        """Back to the script as it was after loading."""
        self._begin_anew()
        self.encoded_frames = self.decoded_frames = 0

    def snapshot(self) -> dict[str, np.ndarray]:
        """Refused: RtraveError."""
        raise RtraveError(f"{self.spec.name} is a foreign TorchScript: its state cannot be kept")

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Refused: RtraveError."""
        raise RtraveError(f"{self.spec.name} is a foreign TorchScript: its state cannot be put back")


def torchscript_stream(
    source: Path,
    seed: int = 0,
    noise: NoiseSource | None = None,
    threads: int = 1,
    attributes: Mapping[str, list[Any]] | None = None,
) -> TorchScriptStream:
    """A stream of a `.ts` file of the nn~ contract, in a worker process of its own; each call waits, so none is late.

    Parameters
    ----------
    source : Path
    seed, noise
        As in `rtrave.stream`. What the script itself draws is out of reach.
    threads : int
        Of torch.
    attributes : mapping
        Name to list of values, set before it plays.
    """
    parts = TorchScriptBackend(open_torchscript(ensure_torchscript(source, attributes)), threads)
    return TorchScriptStream(parts, noise or seeded_noise(seed))
