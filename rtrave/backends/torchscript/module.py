"""A foreign TorchScript in memory. In the worker process only: loading one holds Python's global lock for long."""

from __future__ import annotations

import copy
import io
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from rtrave.backends.torchscript.plan import Call
from rtrave.errors import RtraveError


class Script:
    """A loaded script, and how to put it back to its beginning.

    Parameters
    ----------
    data : bytes
        The file.
    attributes : mapping
        Name to list of values, set after loading and after each reset.
    """

    def __init__(self, data: bytes, attributes: Mapping[str, list[Any]]) -> None:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                self._first: Any = torch.jit.load(io.BytesIO(data), map_location="cpu").eval()
        except Exception as error:  # torch raises whatever its reader meets
            raise RtraveError(f"cannot be loaded as TorchScript: {last_line(error)}") from error
        self._attributes = attributes
        self.module: Any = None
        self.reset()

    def reset(self) -> None:
        """Everything as it was after loading. A copy, since a script may keep its state anywhere."""
        self.module = copy.deepcopy(self._first)
        for name, values in self._attributes.items():
            self._set(name, values)

    def _set(self, name: str, values: list[Any]) -> None:
        setter = getattr(self.module, f"set_{name}", None)
        if setter is None:
            raise RtraveError(f"has no attribute {name!r} to set")
        getter = getattr(self.module, f"get_{name}", None)
        current = getter() if getter and len(values) == 1 else None
        if isinstance(current, bool | int | float | str):
            values = [_like(current, values[0], name)]
        try:
            refused = setter(*values)
        except Exception as error:
            raise RtraveError(f"refuses {name} = {values}: {last_line(error)}") from error
        if isinstance(refused, int) and not isinstance(refused, bool) and refused != 0:
            raise RtraveError(f"refuses {name} = {values}: it answers {refused}")

    def call(self, call: Call, given: np.ndarray) -> np.ndarray:
        """Run one method: float32 [channels, time] in and out; RtraveError where it raises or its shape is wrong."""
        try:
            with torch.no_grad():
                gave = getattr(self.module, call.method)(torch.from_numpy(given)[None])
        except Exception as error:
            raise RtraveError(f"{call.method} raised: {last_line(error)}") from error
        expected = (1, call.out_channels, given.shape[1] * call.in_ratio // call.out_ratio)
        if not isinstance(gave, torch.Tensor) or tuple(gave.shape) != expected:
            got = list(gave.shape) if isinstance(gave, torch.Tensor) else type(gave).__name__
            raise RtraveError(f"{call.method} gave {got}, its params promise {list(expected)}")
        return gave[0].to(torch.float32).numpy()


def _like(current: bool | int | float | str, value: Any, name: str) -> bool | int | float | str:
    """A value in the type that an attribute has."""
    if isinstance(current, bool) and value in (0, 1):
        return bool(value)
    if isinstance(current, str):
        return str(value)
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if number and not isinstance(current, bool) and (isinstance(current, float) or isinstance(value, int)):
        return type(current)(value)
    raise RtraveError(f"takes a {type(current).__name__} for {name}, not {value!r}")


def last_line(error: Exception) -> str:
    """The last line of an error's text that says something; TorchScript prints whole stacks."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1][:200] if lines else type(error).__name__
