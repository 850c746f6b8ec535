"""Third-party TorchScript modules: some follow the nn~ contract, others break it."""

from __future__ import annotations

import io
import warnings
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional


class Effect(nn.Module):
    """A streaming tremolo with an attribute `gain`, one cached sample, and a phase that continues across blocks.

    It prints, as some TorchScript modules do.
    """

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("forward_params", torch.tensor([1, 1, 1, 1]))
        self.register_buffer("last", torch.zeros(1, 1, 1))
        self.gain = 0.8
        self.gain_params = [2]
        self.phase = 0
        self.sr = 48000

    @torch.jit.export
    def get_methods(self) -> list[str]:
        return ["forward"]

    @torch.jit.export
    def get_attributes(self) -> list[str]:
        return ["gain"]

    @torch.jit.export
    def get_gain(self) -> float:
        return self.gain

    @torch.jit.export
    def set_gain(self, value: float) -> int:
        if value > 1.0:
            return -1
        self.gain = value
        return 0

    def forward(self, x: Tensor) -> Tensor:
        time = torch.arange(x.shape[2], device=x.device) + self.phase
        self.phase = self.phase + x.shape[2]
        before = torch.cat([self.last, x[:, :, :-1]], dim=2)
        self.last = x[:, :, -1:].clone()
        print("playing", x.shape[2])
        return self.gain * torch.cos(time * 0.01) * (x - 0.5 * before)


class Features(nn.Module):
    """Four numbers per 512 samples; only `encode`. The sample rate is a buffer, as in old exports."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("encode_params", torch.tensor([1, 1, 4, 512]))
        self.register_buffer("sampling_rate", torch.tensor(22050))

    @torch.jit.export
    def get_methods(self) -> list[str]:
        return ["encode"]

    @torch.jit.export
    def encode(self, x: Tensor) -> Tensor:
        frames = x.reshape(x.shape[0], -1, 512)
        low = frames[:, :, :256]
        found = [frames.mean(2), frames.abs().amax(2), low.std(2), (frames[:, :, 1:] * frames[:, :, :-1]).mean(2)]
        return torch.stack(found, dim=1)


class Blur(nn.Module):
    """A convolution without state, so not streaming. Two channels in, one out; no lists of methods or attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("forward_params", torch.tensor([2, 1, 1, 1]))
        generator = torch.Generator().manual_seed(0)
        self.register_buffer("kernel", torch.randn(1, 2, 65, generator=generator) / 8)

    def forward(self, x: Tensor) -> Tensor:
        return functional.conv1d(x, self.kernel, padding=32)


class Autoencoder(nn.Module):
    """A stereo encoder and decoder with 3 latents per 1024 samples, and state on both sides."""

    def __init__(self) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(1)
        self.register_buffer("encode_params", torch.tensor([2, 1, 3, 1024]))
        self.register_buffer("decode_params", torch.tensor([3, 1024, 2, 1]))
        self.register_buffer("forward_params", torch.tensor([2, 1, 2, 1]))
        self.register_buffer("down", torch.randn(3, 2, 1024, generator=generator) / 8)
        self.register_buffer("up", torch.randn(3, 2, 1024, generator=generator) / 8)
        self.register_buffer("before", torch.zeros(1, 3, 1))
        self.register_buffer("sounding", torch.zeros(1, 3, 1))

    @torch.jit.export
    def get_methods(self) -> list[str]:
        return ["forward", "encode", "decode"]

    @torch.jit.export
    def encode(self, x: Tensor) -> Tensor:
        z = functional.conv1d(x, self.down, stride=1024)
        mixed = z + 0.5 * torch.cat([self.before, z[:, :, :-1]], dim=2)
        self.before = z[:, :, -1:].clone()
        return mixed

    @torch.jit.export
    def decode(self, z: Tensor) -> Tensor:
        mixed = z + 0.25 * torch.cat([self.sounding, z[:, :, :-1]], dim=2)
        self.sounding = z[:, :, -1:].clone()
        return functional.conv_transpose1d(mixed, self.up, stride=1024)

    def forward(self, x: Tensor) -> Tensor:
        return self.decode(self.encode(x))


class Troubled(nn.Module):
    """Doubles its input. A first sample of 2, 3, 4 or 5 makes it raise, hang, return NaN or return a wrong shape."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("forward_params", torch.tensor([1, 1, 1, 1]))
        self.sr = 44100

    def forward(self, x: Tensor) -> Tensor:
        command = float(x[0, 0, 0])
        if command == 2.0:
            raise ValueError("no such block")
        if command == 3.0:
            while float(x[0, 0, 0]) == 3.0:
                x = x.clone()
        if command == 4.0:
            return x * float("nan")
        if command == 5.0:
            return x[:, :, 1:]
        return 2 * x


class Dice(nn.Module):
    """Adds random numbers, so it is not deterministic."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("forward_params", torch.tensor([1, 1, 1, 1]))

    def forward(self, x: Tensor) -> Tensor:
        return x + torch.randn_like(x)


class Prior(nn.Module):
    """Maps latents to latents, without audio."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("forward_params", torch.tensor([4, 2048, 4, 2048]))

    def forward(self, z: Tensor) -> Tensor:
        return z


class Liar(nn.Module):
    """Declares two output channels, and returns one."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("forward_params", torch.tensor([1, 1, 2, 1]))

    def forward(self, x: Tensor) -> Tensor:
        return x


class Plain(nn.Module):
    """Does not follow the nn~ contract."""

    def forward(self, x: Tensor) -> Tensor:
        return x


def save(module: nn.Module, folder: Path) -> Path:
    """Script a module, and write it as `<class>.ts` in lower case."""
    path = folder / f"{type(module).__name__.lower()}.ts"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.script(module.eval()).save(str(path))
    return path


def directly(path: Path, x: np.ndarray, method: str = "forward", hop: int = 2048, **attributes: float) -> np.ndarray:
    """Run a file by TorchScript itself on audio or latents [rows, T], in chunks of `hop` samples or latent frames."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module = torch.jit.load(io.BytesIO(path.read_bytes()))
    for name, value in attributes.items():
        getattr(module, f"set_{name}")(value)
    call = getattr(module, method)
    starts = range(0, x.shape[1], hop)
    with torch.no_grad():
        chunks = [call(torch.from_numpy(x[:, start : start + hop].copy())[None])[0].numpy() for start in starts]
    return np.concatenate(chunks, axis=1)
