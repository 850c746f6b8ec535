"""Fields that encoder and decoder specs of version 2 share, as every file format reads them."""

from __future__ import annotations

from typing import TypedDict


class DilatedFields(TypedDict):
    """Part of the keyword arguments of `EncoderSpec` and `DecoderSpec`; see there."""

    kernel_size: int
    dilations: tuple[tuple[int, ...], ...]
    keep_dim: bool
    activation: str
    adain: bool
