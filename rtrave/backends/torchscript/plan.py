"""The plan of a TorchScript file: its methods to call, their shapes and their shared memory. Needs no torch.

The contract is that of nn~: a buffer `{method}_params` = [in channels, in ratio, out channels, out ratio] per method,
where a ratio of 1 is audio and a greater one is samples per latent frame.
"""

from __future__ import annotations

import math
import mmap
import os
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rtrave.errors import RtraveError

HOP = 2048  # samples per call, where the script's ratios allow it
MAX_HOP = 1 << 16
MAX_CHANNELS = 64
MAX_LATENTS = 1 << 13  # latent numbers per hop


@dataclass(frozen=True)
class Call:
    """One method of a TorchScript file, as its `{method}_params` describe it.

    Attributes
    ----------
    method : str
    in_channels, out_channels : int
    in_ratio, out_ratio : int
        Audio samples per latent frame; 1 where the channels are audio.
    """

    method: str
    in_channels: int
    in_ratio: int
    out_channels: int
    out_ratio: int


@dataclass(frozen=True)
class Plan:
    """The calls of each hop, at least one; `effect` stands alone.

    Attributes
    ----------
    encode : Call or None
        Audio to latents.
    decode : Call or None
        Latents to audio. Without it (and without `effect`) the output is the input.
    effect : Call or None
        Audio to audio; such a file has no latents.
    """

    encode: Call | None = None
    decode: Call | None = None
    effect: Call | None = None

    @property
    def methods(self) -> tuple[str, ...]:
        """Names of the called methods, in this order."""
        return tuple(call.method for call in (self.encode, self.decode, self.effect) if call)

    @property
    def dims(self) -> int:
        """Latent dimensions D; 0 for an effect."""
        if self.encode:
            return self.encode.out_channels
        return self.decode.in_channels if self.decode else 0

    @property
    def latent_ratio(self) -> int:
        """Samples per latent frame; 1 for an effect, which has none."""
        if self.encode:
            return self.encode.out_ratio
        return self.decode.in_ratio if self.decode else 1

    @property
    def hop(self) -> int:
        """Samples per call: the least common multiple of the ratio and `HOP`."""
        return math.lcm(HOP, self.latent_ratio)

    @property
    def latent_frames(self) -> int:
        """Latent frames N per hop; 1 for an effect, whose frame is the hop itself."""
        return self.hop // self.latent_ratio if self.dims else 1

    @property
    def inputs(self) -> int:
        """Audio channels of the file's input; 0 where it only decodes."""
        call = self.encode or self.effect
        return call.in_channels if call else 0

    @property
    def outputs(self) -> int:
        """Audio channels of the file's output; 0 where it only encodes."""
        call = self.decode or self.effect
        return call.out_channels if call else 0

    @property
    def channels(self) -> int:
        """Audio channels C of the stream around it."""
        return max(self.inputs, self.outputs)

    def to_json(self) -> dict[str, Any]:
        """Return a record of plain JSON types."""
        return asdict(self)

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Plan:
        """Read what `to_json` wrote."""
        return cls(**{part: Call(**call) if call else None for part, call in record.items()})


def choose_plan(calls: Mapping[str, Call]) -> Plan:
    """Choose the calls: encode and decode where they fit together, else audio to audio, else one of them alone.

    Parameters
    ----------
    calls : mapping
        Method name to Call, in the order of the file.

    Raises
    ------
    RtraveError
        No method takes or returns audio, or its sizes are out of range.
    """
    encode, decode = calls.get("encode"), calls.get("decode")
    if encode and decode and _fit(encode, decode):
        return _checked(Plan(encode=encode, decode=decode))
    first = [calls[name] for name in ("forward", "encode", "decode") if name in calls]
    listed = first + [call for call in calls.values() if call not in first]
    for call in listed:
        if call.in_ratio == call.out_ratio == 1:
            return _checked(Plan(effect=call))
    for call in listed:
        if call.in_ratio == 1:
            return _checked(Plan(encode=call))
    for call in listed:
        if call.out_ratio == 1:
            return _checked(Plan(decode=call))
    names = ", ".join(calls) or "none"
    raise RtraveError(f"expected a method that takes or returns audio, got {names}: it cannot be played by itself")


def _fit(encode: Call, decode: Call) -> bool:
    audio = encode.in_ratio == decode.out_ratio == 1 < encode.out_ratio
    return audio and (encode.out_channels, encode.out_ratio) == (decode.in_channels, decode.in_ratio)


def _checked(plan: Plan) -> Plan:
    what = " and ".join(plan.methods)
    calls = [call for call in (plan.encode, plan.decode, plan.effect) if call]
    if any(min(call.in_channels, call.in_ratio, call.out_channels, call.out_ratio) < 1 for call in calls):
        raise RtraveError(f"{what}: expected channels and ratios of 1 or more, got less: it breaks the nn~ contract")
    if plan.hop > MAX_HOP:
        raise RtraveError(f"{what}: expected at most {MAX_HOP} samples per call, got a ratio of {plan.latent_ratio}")
    if plan.channels > MAX_CHANNELS:
        raise RtraveError(f"{what}: expected at most {MAX_CHANNELS} audio channels, got {plan.channels}")
    if plan.dims * plan.latent_frames > MAX_LATENTS:
        raise RtraveError(
            f"{what}: expected at most {MAX_LATENTS} latents per hop, got {plan.dims} x {plan.latent_frames}"
        )
    return plan


class Block:
    """The arrays that a player and its worker share: one memory-mapped file, readable by this user only.

    The player writes before it asks, the worker before it answers, so nothing is read half written, without a lock.

    Attributes
    ----------
    x : float32 [inputs, hop]
        Written by the player.
    z_in : float32 [D, N]
        Result of `encode`; written by the worker.
    z_out : float32 [D, N]
        Input of `decode`; written by the player.
    y : float32 [outputs, hop]
        Written by the worker.
    """

    def __init__(self, path: Path, plan: Plan) -> None:
        self.path = path
        shapes = _shapes(plan)
        try:
            with path.open("r+b") as file:
                memory = mmap.mmap(file.fileno(), _nbytes(plan))
        except (OSError, ValueError) as error:
            raise RtraveError(f"cannot map the shared memory '{path}': {error}") from error
        whole, offset, arrays = np.frombuffer(memory, np.float32), 0, []
        for shape in shapes:
            size = math.prod(shape)
            arrays.append(whole[offset : offset + size].reshape(shape))
            offset += size
        self.x, self.z_in, self.z_out, self.y = arrays


def _shapes(plan: Plan) -> tuple[tuple[int, int], ...]:
    latents = (plan.dims, plan.latent_frames)
    return (plan.inputs, plan.hop), latents, latents, (plan.outputs, plan.hop)


def _nbytes(plan: Plan) -> int:
    return 4 * sum(math.prod(shape) for shape in _shapes(plan))


def create_block(plan: Plan) -> Block:
    """Create the file and map it; RtraveError where there is no room."""
    folder = "/dev/shm" if os.path.isdir("/dev/shm") else tempfile.gettempdir()
    try:
        descriptor, name = tempfile.mkstemp(prefix="rtrave-", suffix=".script", dir=folder)
        with os.fdopen(descriptor, "wb") as file:
            file.write(bytes(_nbytes(plan)))  # written, not only sized: a full file system must show here
    except OSError as error:
        raise RtraveError(f"no room for shared memory in '{folder}': {error.strerror}") from error
    return Block(Path(name), plan)
