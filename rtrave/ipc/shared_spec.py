"""Sizes of the shared memory of a run, as plain records that a message can carry."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from rtrave.ipc.hop_record import hop_dtype

LEAST_HOPS = 8192  # another model with shorter hops may be loaded into the same memory


@dataclass(frozen=True)
class SharedSpec:
    """Sizes of the shared memory; the control process and the audio process must agree on them.

    Parameters
    ----------
    channels : int
        Audio channels of the model.
    dims : int
        Latent dimensions.
    latent_frames : int
        Latent frames per hop.
    controls : int
        Length of the control vector (`Layout.size`).
    audio_rows, hops_rows, controls_rows : int
        Capacity of the rings, in rows. The defaults hold at least 20 s where a hop has 2048 samples.
    second : int
        Channels of the second input; 0 without one.
    """

    channels: int
    dims: int
    latent_frames: int
    controls: int
    audio_rows: int = 1 << 20
    hops_rows: int = 2048
    controls_rows: int = 1024
    second: int = 0

    @property
    def audio_width(self) -> int:
        """Numbers in one row of the audio ring: model input, second input, model output."""
        return 2 * self.channels + self.second

    @property
    def hop_dtype(self) -> np.dtype[np.void]:
        """Record of one hop in the hops ring."""
        return hop_dtype(self.dims, self.latent_frames)


@dataclass(frozen=True)
class SharedSection:
    """The shared memory as a message names it: its file and its sizes."""

    path: Path
    spec: SharedSpec


def spec_for(channels: int, dims: int, latent_frames: int, controls: int, hop: int, second: int = 0) -> SharedSpec:
    """Choose sizes whose rings hold at least 20 s, also of a model with short hops (`hop` in samples)."""
    spec = SharedSpec(channels, dims, latent_frames, controls, second=second)
    hops = spec.audio_rows // hop
    hops_rows = max(spec.hops_rows, hops, LEAST_HOPS)
    return replace(spec, hops_rows=hops_rows, controls_rows=max(spec.controls_rows, hops))
