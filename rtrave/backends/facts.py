"""Facts of a model in the cache, known without opening its backend. Needs no torch."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from rtrave.backends.graph_shape import GraphShape
from rtrave.model.spec import ModelSpec


class BackendKind(StrEnum):
    """Kind of a folder of the cache, as its manifest states it."""

    COMPILED = "compiled"  # the two graphs of one model
    ROUTED = "routed"  # the encoder of one compiled model, the decoder of another
    TORCHSCRIPT = "torchscript"  # a third-party TorchScript file, as it was probed


@dataclass(frozen=True, eq=False)
class ModelFacts:
    """The facts of a model in the cache.

    Attributes
    ----------
    spec : ModelSpec
    model_hash : str
        Hash of network and weights, of a pair with its matching, or of the TorchScript file.
    shape : GraphShape
    latent_pca, latent_mean : float32 [D, D], [D]
        Full to compressed space: PCA (z - mean).
    encoder_delay : int
        Samples: the stream's latents are the offline latents of an input that is this much later.
    frames_per_step : int
        Least latent frames that the model takes at once; a stream may begin at multiples of it only.
    receptive_fields : dict
        "encoder" in audio samples, "decoder" in latent frames, None where it has no bound: see
        `Model.receptive_fields`. Empty for a third-party TorchScript file, whose layers are unknown.
    """

    spec: ModelSpec
    model_hash: str
    shape: GraphShape
    latent_pca: NDArray[np.float32]
    latent_mean: NDArray[np.float32]
    encoder_delay: int = 0
    frames_per_step: int = 1
    receptive_fields: dict[str, int | None] = field(default_factory=dict)

    @property
    def channels(self) -> int:
        """Audio channels of all streams together."""
        return self.shape.batch * self.spec.channels

    @property
    def hop(self) -> int:
        """Samples per hop."""
        return self.shape.latent_frames * self.spec.ratio
