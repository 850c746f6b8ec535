"""rtrave: a real-time streaming engine for RAVE models."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from rtrave.errors import ControlError, RtraveError
from rtrave.settings import VERSION

if TYPE_CHECKING:
    from rtrave.model.formats.load import load
    from rtrave.model.rave import Model
    from rtrave.model.spec import ModelSpec
    from rtrave.streaming.open_stream import stream
    from rtrave.streaming.stream import Stream

__version__ = VERSION
__all__ = ["ControlError", "Model", "ModelSpec", "RtraveError", "Stream", "__version__", "load", "stream"]

# Looked up when first used: torch takes seconds to import, and a player never needs it.
_LAZY = {
    "Model": "rtrave.model.rave",
    "ModelSpec": "rtrave.model.spec",
    "Stream": "rtrave.streaming.stream",
    "load": "rtrave.model.formats.load",
    "stream": "rtrave.streaming.open_stream",
}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module 'rtrave' has no attribute {name!r}")
    return getattr(import_module(_LAZY[name]), name)
