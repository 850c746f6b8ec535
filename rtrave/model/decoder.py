"""RAVE's decoders, built from their specs: an upsampling network and the heads that compute the bands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

import torch
from torch import Tensor, nn

from rtrave.errors import RtraveError
from rtrave.layers.activations import Identity, LeakyReLU, mod_sigmoid
from rtrave.layers.compose import Branches, Delay, Named, Sequential, dilated_unit, residual, waits
from rtrave.layers.conv import Conv1d, ConvTranspose1d
from rtrave.layers.noise import NoiseSynth
from rtrave.layers.norm import AdaIN
from rtrave.layers.state import State, branch, chained_field, streaming, widest
from rtrave.model.encoder import activation
from rtrave.model.spec import NetworkSpec, NoiseSpec

Role = Literal["wave", "loudness", "noise"]


@dataclass(frozen=True)
class Head:
    """One output of a decoder.

    Attributes
    ----------
    role : {"wave", "loudness", "noise"}
    path : str
        Name of the layer in RAVE's state dict.
    layer : nn.Module
    width : int
        Output channels.
    """

    role: Role
    path: str
    layer: nn.Module
    width: int


class Decoder(nn.Module):
    """Network from latents, with any noise augmentation appended, to bands.

    All heads read the features of `net`. `draws` are the white noise of a noise synthesiser, uniform in [0, 1), one
    number per band and band sample.

    Parameters
    ----------
    net : nn.Module
    heads : sequence of Head
    modulated : bool
        One half of the wave's channels modulates the amplitude of the other half.
    """

    def __init__(self, net: nn.Module, heads: Sequence[Head], modulated: bool) -> None:
        super().__init__()
        self.net, self.modulated = net, modulated
        self.paths: dict[Role, str] = {head.role: head.path for head in heads}
        for head in heads:
            _attach(self, head.path, head.layer)
        first_version = "loudness" in self.paths
        # The second version does not delay its noise, which is some band samples ahead of its wave.
        delays = [streaming(head.layer).delay(Fraction(0)) if first_version else Fraction(0) for head in heads]
        lines = waits(delays, [head.width for head in heads])
        self.waits: dict[Role, Delay] = dict(zip(self.paths, lines, strict=True))
        # RAVE adds its first noise synthesiser only after the warm-up of training, a flag in the checkpoint
        self.register_buffer("warmed_up", torch.tensor(1) if first_version else None)

    def forward(self, z: Tensor, draws: Tensor | None = None) -> Tensor:
        """Decode [B, D, N] -> [B, bands, T]; draws [B, bands, T]."""
        features = self.net(z)
        outputs: dict[Role, Tensor] = {}
        for role, path in self.paths.items():
            head = self.get_submodule(path)
            outputs[role] = head(features, draws) if role == "noise" else head(features)
        return self._merge(outputs, 1)

    def step(self, z: Tensor, state: State, draws: Tensor | None = None) -> tuple[Tensor, State]:
        """Decode [B, N, D] -> [B, T, bands]; draws [B, T, bands]."""
        waiting = branch(state, "waits")
        next_waiting: State = {}
        following: State = {"waits": next_waiting}
        features, following["net"] = streaming(self.net).step(z, branch(state, "net"))
        outputs: dict[Role, Tensor] = {}
        for role, path in self.paths.items():
            head = self.get_submodule(path)
            if isinstance(head, NoiseSynth):
                if draws is None:
                    raise ValueError("draws: expected white noise for the noise synthesiser, got None")
                y, following[role] = head.step(features, branch(state, role), draws)
            else:
                y, following[role] = streaming(head).step(features, branch(state, role))
            outputs[role], next_waiting[role] = self.waits[role].step(y, branch(waiting, role))
        return self._merge(outputs, -1), following

    def _merge(self, outputs: Mapping[Role, Tensor], channel_axis: int) -> Tensor:
        y = outputs["wave"]
        if self.modulated:
            wave, amplitude = y.chunk(2, dim=channel_axis)
            y = wave * torch.sigmoid(amplitude)
        if "loudness" not in outputs:
            return torch.tanh(y + outputs["noise"] if "noise" in outputs else y)
        y = torch.tanh(y) * mod_sigmoid(outputs["loudness"])
        return y + outputs["noise"] * self.get_buffer("warmed_up") if "noise" in outputs else y

    @property
    def noise(self) -> NoiseSynth | None:
        """Noise synthesiser, or None."""
        head = self.get_submodule(self.paths["noise"]) if "noise" in self.paths else None
        return head if isinstance(head, NoiseSynth) else None

    def initial_state(self, batch: int, dtype: torch.dtype) -> State:
        """Return the states of the network, the heads and their delay lines."""
        parts: dict[str, nn.Module] = {"net": self.net}
        parts |= {role: self.get_submodule(path) for role, path in self.paths.items()}
        state: State = {name: streaming(part).initial_state(batch, dtype) for name, part in parts.items()}
        return state | {"waits": {role: wait.initial_state(batch, dtype) for role, wait in self.waits.items()}}

    def delay(self, incoming: Fraction) -> Fraction:
        """Return the delay of the network and the slowest head."""
        reached = streaming(self.net).delay(incoming)
        return max(streaming(self.get_submodule(path)).delay(reached) for path in self.paths.values())

    def receptive_field(self, past: int) -> int | None:
        """Return the field in latent frames, max_i f_net(f_i(past + d_i)) for head i, which waits for d_i samples."""
        ways = ((self.net, self.get_submodule(path), self.waits[role]) for role, path in self.paths.items())
        return widest(chained_field(way, past) for way in ways)


def _attach(module: nn.Module, path: str, layer: nn.Module) -> None:
    """Add a layer at a dotted path, creating the modules above it."""
    *above, name = path.split(".")
    for part in above:
        if not hasattr(module, part):
            module.add_module(part, nn.Module())
        module = module.get_submodule(part)
    module.add_module(name, layer)


def decoder_network(network: NetworkSpec) -> Decoder:
    """Return the decoder from latents [B, D + augmentation, N] to bands [B, channels * bands, T]."""
    return _version_1(network) if network.decoder.version == 1 else _version_2(network)


def _noise(spec: NoiseSpec, channels: int, bands: int, mode: str) -> NoiseSynth:
    return NoiseSynth(channels, bands, spec.ratios, spec.noise_bands, spec.hidden_size or channels, spec.version, mode)


def _version_1(network: NetworkSpec) -> Decoder:
    spec, mode, norm = network.decoder, network.padding, network.decoder.weight_norm
    if spec.loud_stride != 1:
        raise RtraveError(f"loudness head: expected stride 1, got {spec.loud_stride}")
    width = spec.capacity * 2 ** len(spec.ratios)
    first = Conv1d(network.latent_size + network.noise_augmentation, width, 7, mode=mode, weight_norm=norm)
    layers: list[nn.Module] = [first]
    for ratio in spec.ratios:
        if ratio > 1:
            up: nn.Module = ConvTranspose1d(width, width // 2, ratio, weight_norm=norm)
        else:
            up = Conv1d(width, width // 2, 3, mode=mode, weight_norm=norm)
        width //= 2
        layers += [Named("net", Sequential(LeakyReLU(), up)), _stack(network, width)]
    bands = network.output_bands * network.channels
    heads = [
        Head("wave", "synth.branches.0", Conv1d(width, bands, 7, mode=mode, weight_norm=norm), bands),
        Head("loudness", "synth.branches.1", Conv1d(width, 1, 3, mode=mode, weight_norm=norm), 1),
    ]
    if spec.noise is not None:
        heads.append(Head("noise", "synth.branches.2", _noise(spec.noise, width, bands, mode), bands))
    return Decoder(Sequential(*layers), heads, modulated=False)


def _stack(network: NetworkSpec, width: int) -> Named:
    """Return the sum over kernel sizes of chains of residual layers, each of two convolutions."""
    spec, mode, norm = network.decoder, network.padding, network.decoder.weight_norm
    chains = []
    for taps in spec.stack_kernel_sizes:
        layers = []
        for first, second in spec.stack_dilations:
            unit = Sequential(
                LeakyReLU(),
                Conv1d(width, width, taps, dilation=first, mode=mode, weight_norm=norm),
                LeakyReLU(),
                Conv1d(width, width, taps, dilation=second, mode=mode, weight_norm=norm),
            )
            layers.append(Named("net", residual(unit, width)))
        chains.append(Named("net", Sequential(*layers)))
    return Named("net", Branches(*chains, channels=width))


def _version_2(network: NetworkSpec) -> Decoder:
    spec, mode, norm = network.decoder, network.padding, network.decoder.weight_norm
    growth = [ratio if spec.keep_dim else 2 for ratio in spec.ratios]
    width, frame = spec.capacity, 1
    for factor in growth:
        width *= factor
    latents = network.latent_size + network.noise_augmentation
    layers: list[nn.Module] = [Conv1d(latents, width, spec.kernel_size, mode=mode, weight_norm=norm)]
    stages = zip(reversed(spec.ratios), reversed(growth), reversed(spec.dilations), strict=True)
    for ratio, factor, dilations in stages:
        up = ConvTranspose1d(width, width // factor, ratio, weight_norm=norm)
        layers += [activation(spec.activation, width), up]
        width, frame = width // factor, frame * ratio
        for dilation in dilations:
            layers += [AdaIN(width, frame)] if spec.adain else []
            unit = Named("net", dilated_unit(width, (spec.kernel_size, 1), dilation, mode, norm))
            layers.append(residual(unit, width))
    bands = network.output_bands * network.channels
    outputs = bands * (2 if spec.amplitude_modulation else 1)
    wave = Conv1d(width, outputs, 2 * spec.kernel_size + 1, mode=mode, weight_norm=norm)
    layers.append(activation(spec.activation, width))
    if spec.noise is None:
        heads = [Head("wave", "waveform_module", Identity(), outputs)]
        return Decoder(Sequential(*layers, wave), heads, spec.amplitude_modulation)
    heads = [
        Head("wave", "waveform_module", wave, outputs),
        Head("noise", "noise_module", _noise(spec.noise, width, bands, mode), bands),
    ]
    return Decoder(Sequential(*layers), heads, spec.amplitude_modulation)
