"""What the controls do to the latents: pure functions on [D, N], in the order the control table documents."""

from __future__ import annotations

import numpy as np

from rtrave.control.vector import Layout

HARD_LIMIT = 10.0  # latent units; an edit cannot push a component further out
EDITS = ("scale", "bias", "value", "override", "mute", "noise")


def wants_jitter(controls: np.ndarray, layout: Layout) -> bool:
    """Whether any dimension has noise, so that draws are needed."""
    return bool(controls[layout.slots["latent/noise"]].any())


def edit_components(
    components: np.ndarray, controls: np.ndarray, layout: Layout, jitter: np.ndarray | None
) -> np.ndarray:
    """Scale, bias, noise, override, mute and the hard limit, per dimension.

    With the controls at their defaults the result equals the input bit for bit. A component that comes in beyond the
    hard limit may stay where it is, but is not pushed further.

    Parameters
    ----------
    components : float32 [D, N]
        Latents in the space the controls address.
    controls : float64 [layout.size]
    jitter : float32 [D, N] or None
        Normal draws; None where no dimension has noise.
    """
    scale, bias, value, override, mute, noise = (
        controls[layout.slots[f"latent/{name}"]].astype(np.float32)[:, None] for name in EDITS
    )
    edited = components * scale + bias
    if jitter is not None:
        edited += noise * jitter
    edited += override * (value - edited)
    edited = np.where(mute > 0, np.float32(0), edited)
    bound = np.maximum(np.abs(components), np.float32(HARD_LIMIT))
    return np.clip(edited, -bound, bound)
