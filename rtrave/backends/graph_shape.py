"""The shape of a graph, as requested and as a model allows it. Needs no torch."""

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
    """The static shapes of a graph.

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
        Samples per run, a multiple of the model's ratio; where given, it replaces `latent_frames`.
    long_blocks : bool
        About `LONG_SAMPLES` per run, for offline work; replaces both.

    Raises
    ------
    RtraveError
        An unknown precision.
    """

    batch: int = 1
    latent_frames: int = 1
    precision: str = "float32"
    compat: str | None = None
    hop: int | None = None
    long_blocks: bool = False

    def __post_init__(self) -> None:
        if self.precision not in PRECISIONS:
            raise RtraveError(
                f"precision: expected one of {', '.join(PRECISIONS)}, got {self.precision!r}: use one of them"
            )


def fitting(model: Model, shape: GraphShape) -> GraphShape:
    """Return the shape that a model can be compiled for and that serves the requested one.

    It has at least the latent frames that the model steps by, and no `compat` where there is nothing to compensate,
    so that one graph serves both.

    RtraveError for a hop that is no multiple of the ratio.
    """
    ratio = model.network.ratio
    if shape.hop is not None and (shape.hop < 1 or shape.hop % ratio):
        nearest = max(round(shape.hop / ratio), 1) * ratio
        raise RtraveError(f"hop: expected a multiple of the ratio {ratio}, got {shape.hop}: use {nearest}")
    frames = shape.hop // ratio if shape.hop else shape.latent_frames
    if shape.long_blocks:
        frames = max(LONG_SAMPLES // ratio, 1)
    frames = math.lcm(frames, model.frames_per_step)
    even = model.decoder.delay(Fraction(0)) % 2 == 0
    return replace(shape, latent_frames=frames, compat=None if even else shape.compat, hop=None, long_blocks=False)
