"""The record of one hop, as the audio process writes it to the hops ring: a NumPy structured dtype per model."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

HopRecords: TypeAlias = NDArray[np.void]  # [n] of one `hop_dtype`

_FIELDS: tuple[tuple[str, Any], ...] = (
    ("latent_frame", np.int64),  # index of the hop's first latent frame
    ("compute_s", np.float64),  # time that the engine took
    ("wake_s", np.float64),  # how long after its time the engine began
    ("late", np.int64),  # 1: the hop missed its place in the output
    ("nonfinite_in", np.int64),  # input samples that were NaN or infinite
    ("nonfinite_out", np.int64),  # output samples that were NaN or infinite
    ("in_peak", np.float64),  # linear levels
    ("in_rms", np.float64),
    ("out_peak", np.float64),
    ("out_rms", np.float64),
    ("time_s", np.float64),  # time.monotonic() when the engine began
    ("model_index", np.int64),  # how many models played before this one
    ("samples", np.int64),  # of the hop
)


def hop_dtype(dims: int, latent_frames: int) -> np.dtype[np.void]:
    """Record of one hop of a model: the numbers above, then z_in and z_out, float32 [D, N] each.

    The latents are those in the full space, before and after the edits. Every field is aligned.
    """
    latents = (np.float32, (dims, latent_frames))
    return np.dtype([*_FIELDS, ("z_in", *latents), ("z_out", *latents)], align=True)
