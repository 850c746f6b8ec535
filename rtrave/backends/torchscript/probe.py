"""Probe a third-party TorchScript file: methods, shapes, streaming, determinism. Worker process only."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from rtrave.backends.torchscript.module import Script
from rtrave.backends.torchscript.plan import Call, Plan, choose_plan
from rtrave.errors import RtraveError

PROBE_HOPS = 4
NOISE_LEVEL = 0.1
TOLERANCE = 1e-3  # of the peak: with a smaller difference the blocks join
USUAL_METHODS = ("forward", "encode", "decode")
RATE_NAMES = ("sr", "sampling_rate", "sample_rate")
ATTRIBUTE_TYPES = ("bool", "int", "float", "str", "tensor", "buffer")  # by nn~'s type ids


def probe(script: Script) -> dict[str, Any]:
    """Return all facts that a player needs, as plain JSON.

    Returns
    -------
    dict
        plan, methods (all of them, with their params), labels, sample_rate (Hz, or None where it has none),
        attributes ({name: {types, value}}), parameters, finite, streaming (None where it draws random numbers, which
        hide the answer), difference (between chunked and whole, as a share of the peak), hop_ms.

    Raises
    ------
    RtraveError
        The file breaks the contract, or raises on noise.
    """
    calls = {name: call for name in method_names(script.module) if (call := read_call(script.module, name))}
    if not calls:
        raise RtraveError(
            "expected a method with a {method}_params of four numbers, got none: it breaks the nn~ contract"
        )
    plan = choose_plan(calls)
    return {
        "plan": plan.to_json(),
        "methods": {name: [c.in_channels, c.in_ratio, c.out_channels, c.out_ratio] for name, c in calls.items()},
        "labels": _labels(script.module, list(calls)),
        "sample_rate": read_sample_rate(script.module),
        "attributes": read_attributes(script.module),
        "parameters": sum(p.numel() for p in script.module.parameters()),
        **_try(script, plan),
    }


def method_names(module: Any) -> list[str]:
    """Return what `get_methods()` lists, or the usual names where the file has no such method."""
    if hasattr(module, "get_methods"):
        return [str(name) for name in module.get_methods()]
    return [name for name in USUAL_METHODS if hasattr(module, f"{name}_params")]


def read_call(module: Any, name: str) -> Call | None:
    """Return a method with its four numbers; None where any of these is missing."""
    numbers = _plain(getattr(module, f"{name}_params", None))
    if not hasattr(module, name) or not isinstance(numbers, list) or len(numbers) != 4:
        return None
    return Call(name, *(int(number) for number in numbers))


def read_sample_rate(module: Any) -> int | None:
    """Return the sample rate in Hz, by any of the names in use; None where there is none."""
    for name in RATE_NAMES:
        for value in (_asked(module, name), _plain(getattr(module, name, None))):
            number = value[0] if isinstance(value, list) and len(value) == 1 else value
            if isinstance(number, int | float) and not isinstance(number, bool) and 1000 <= number <= 768000:
                return round(number)
    return None


def read_attributes(module: Any) -> dict[str, dict[str, Any]]:
    """Return name -> {"types": words, "value": list of plain values} for everything with a getter and a setter."""
    names = [str(name) for name in module.get_attributes()] if hasattr(module, "get_attributes") else []
    names += [name.removeprefix("set_") for name in module._c._method_names() if name.startswith("set_")]
    found = {}
    for name in dict.fromkeys(names):
        if hasattr(module, f"get_{name}") and hasattr(module, f"set_{name}"):
            value = _asked(module, name)
            values = value if isinstance(value, list) else [value]
            found[name] = {"types": _types(module, name, values), "value": values}
    return found


def _types(module: Any, name: str, values: list[Any]) -> list[str]:
    ids = _plain(getattr(module, f"{name}_params", None))
    if isinstance(ids, list) and ids and all(i in range(len(ATTRIBUTE_TYPES)) for i in ids):
        return [ATTRIBUTE_TYPES[int(i)] for i in ids]
    return [type(value).__name__ for value in values]


def _labels(module: Any, names: Sequence[str]) -> dict[str, list[str]]:
    keys = [f"{name}_{end}_labels" for name in names for end in ("input", "output")]
    found = {key: _plain(getattr(module, key, None)) for key in keys}
    return {key: [str(label) for label in labels] for key, labels in found.items() if isinstance(labels, list)}


def _asked(module: Any, name: str) -> Any:
    getter = getattr(module, f"get_{name}", None)
    try:
        return _plain(getter()) if getter else None
    except Exception:  # a getter that fails has no value
        return None


def _plain(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return value.tolist() if value.numel() <= 64 else None
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value if isinstance(value, bool | int | float | str) else None


def _try(script: Script, plan: Plan) -> dict[str, Any]:
    """Play seeded noise whole and in chunks, each from the beginning, and compare."""
    generator = np.random.default_rng(0)
    rows, length = (plan.inputs, plan.hop) if plan.inputs else (plan.dims, plan.latent_frames)
    given = generator.standard_normal((rows, PROBE_HOPS * length)).astype(np.float32)
    given *= NOISE_LEVEL if plan.inputs else 1
    wholes = []
    for seed in (1, 2):  # two draws differ where the script makes noise of its own
        script.reset()
        torch.manual_seed(seed)
        wholes.append(_play(script, plan, given))
    script.reset()
    chunks, times_s = [], []
    for start in range(0, given.shape[1], length):
        began_s = time.perf_counter()
        chunks.append(_play(script, plan, given[:, start : start + length]))
        times_s.append(time.perf_counter() - began_s)
    script.reset()
    chunked = np.concatenate(chunks, axis=1)
    finite = all(bool(np.isfinite(signal).all()) for signal in (chunked, *wholes))
    result = {"finite": finite, "hop_ms": 1000 * min(times_s), "streaming": None, "difference": None}
    if not finite:
        return result
    difference = _difference(chunked, wholes[0])
    random = _difference(wholes[1], wholes[0]) > TOLERANCE
    return {**result, "streaming": None if random else difference <= TOLERANCE, "difference": difference}


def _play(script: Script, plan: Plan, given: np.ndarray) -> np.ndarray:
    if plan.effect:
        return script.call(plan.effect, given).copy()
    latents = script.call(plan.encode, given).copy() if plan.encode else given
    return script.call(plan.decode, latents).copy() if plan.decode else latents


def _difference(one: np.ndarray, other: np.ndarray) -> float:
    peak = float(np.abs(other).max())
    return float(np.abs(one - other).max()) / peak if peak > 0 else float(np.abs(one).max() > 0)
