"""What a graph is asked for, and what a model makes of the wish. Needs no torch."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING

from rtrave.errors import RtraveError

if TYPE_CHECKING:
    from rtrave.model.rave import Model

PRECISIONS = ("float32", "int8")
LONG_SAMPLES = 1 << 16  # longer blocks are no faster


@dataclass(frozen=True)
class GraphShape:
    """What a graph is built for: shapes are static.

    Attributes
    ----------
    batch : int
        Signals side by side.
    latent_frames : int
        Latent frames per run.
    precision : {"float32", "int8"}
        Of the large weights; see `rtrave.compiler.passes`.
    compat : str or None
        "nn~" leaves odd band delays uncompensated, as upstream does.
    hop : int or None
        Samples per run, a multiple of the model's ratio: a wish in other words, which replaces `latent_frames`.
    long_blocks : bool
        About `LONG_SAMPLES` per run, for offline work; replaces both.

    Raises
    ------
    RtraveError
        For a precision that is unknown.
    """

    batch: int = 1
    latent_frames: int = 1
    precision: str = "float32"
    compat: str | None = None
    hop: int | None = None
    long_blocks: bool = False

    def __post_init__(self) -> None:
        if self.precision not in PRECISIONS:
            raise RtraveError(f"precision {self.precision!r} is unknown: use one of {', '.join(PRECISIONS)}")


def fitting(model: Model, shape: GraphShape) -> GraphShape:
    """The shape that serves a wish: at least the latent frames that the model steps by, and no compatibility where
    there is nothing to compensate, so that one graph serves both.

    RtraveError for a hop that is no multiple of the ratio.
    """
    ratio = model.network.ratio
    if shape.hop is not None and (shape.hop < 1 or shape.hop % ratio):
        nearest = max(round(shape.hop / ratio), 1) * ratio
        raise RtraveError(f"a hop of {shape.hop} samples is no multiple of the ratio {ratio}: use {nearest}")
    frames = shape.hop // ratio if shape.hop else shape.latent_frames
    if shape.long_blocks:
        frames = max(LONG_SAMPLES // ratio, 1)
    frames = math.lcm(frames, model.frames_per_step)
    even = model.decoder.delay(Fraction(0)) % 2 == 0
    return replace(shape, latent_frames=frames, compat=None if even else shape.compat, hop=None, long_blocks=False)
