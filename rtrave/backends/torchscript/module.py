"""A third-party TorchScript file in memory. Worker process only: loading one holds Python's global lock for long."""

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
    """A loaded TorchScript file that can be reset to its state after loading.

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
        except Exception as error:  # torch's reader raises exceptions of any kind
            raise RtraveError(f"cannot be loaded as TorchScript: {last_line(error)}") from error
        self._attributes = attributes
        self.module: Any = None
        self.reset()

    def reset(self) -> None:
        """Return to the state after loading. The module is a copy, since a file may keep its state anywhere."""
        self.module = copy.deepcopy(self._first)
        for name, values in self._attributes.items():
            self._set(name, values)

    def _set(self, name: str, values: list[Any]) -> None:
        setter = getattr(self.module, f"set_{name}", None)
        if setter is None:
            raise RtraveError(f"expected an attribute with a setter, got {name!r}, which has none")
        getter = getattr(self.module, f"get_{name}", None)
        current = getter() if getter and len(values) == 1 else None
        if isinstance(current, bool | int | float | str):
            values = [_like(current, values[0], name)]
        try:
            refused = setter(*values)
        except Exception as error:
            raise RtraveError(f"refuses {name} = {values}: {last_line(error)}") from error
        if isinstance(refused, int) and not isinstance(refused, bool) and refused != 0:
            raise RtraveError(f"refuses {name} = {values}: its setter returned {refused}")

    def call(self, call: Call, given: np.ndarray) -> np.ndarray:
        """Run one method: float32 [channels, time] in and out; RtraveError where it raises or its shape is wrong."""
        try:
            with torch.no_grad():
                returned = getattr(self.module, call.method)(torch.from_numpy(given)[None])
        except Exception as error:
            raise RtraveError(f"{call.method} raised: {last_line(error)}") from error
        expected = (1, call.out_channels, given.shape[1] * call.in_ratio // call.out_ratio)
        if not isinstance(returned, torch.Tensor) or tuple(returned.shape) != expected:
            got = list(returned.shape) if isinstance(returned, torch.Tensor) else type(returned).__name__
            raise RtraveError(f"{call.method}: expected {list(expected)} as its params say, got {got}")
        return returned[0].to(torch.float32).numpy()


def _like(current: bool | int | float | str, value: Any, name: str) -> bool | int | float | str:
    """Convert a value to the type that an attribute has."""
    if isinstance(current, bool) and value in (0, 1):
        return bool(value)
    if isinstance(current, str):
        return str(value)
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if number and not isinstance(current, bool) and (isinstance(current, float) or isinstance(value, int)):
        return type(current)(value)
    raise RtraveError(f"attribute {name}: expected a {type(current).__name__}, got {value!r}")


def last_line(error: Exception) -> str:
    """Return the last line of an error's text that is not empty; TorchScript prints whole stacks."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1][:200] if lines else type(error).__name__
