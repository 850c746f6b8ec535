"""Networks of RAVE's own TorchScript exports, described from their tree of submodules.

The name of its class and its sizes identify a submodule; no code of the script runs. `check_layers` then compares each
layer of the rebuilt model with the script, so that no unknown layer passes for a known one.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, TypeVar

from torch import nn

from rtrave.errors import RtraveError
from rtrave.layers.activations import LeakyReLU
from rtrave.layers.conv import Conv1d, ConvTranspose1d
from rtrave.layers.norm import BatchNorm
from rtrave.model.formats.dilated import DilatedFields
from rtrave.model.rave import Model
from rtrave.model.spec import DecoderSpec, EncoderSpec, NetworkSpec, NoiseSpec

REGULARISERS = {
    "VariationalEncoder": "variational",
    "WasserteinEncoder": "wasserstein",
    "SphericalEncoder": "spherical",
    "DiscreteEncoder": "discrete",
}
CONVS, TRANSPOSED = ("CachedConv1d", "Conv1d"), ("CachedConvTranspose1d", "ConvTranspose1d")
ACTIVATIONS = {"LeakyReLU": "leaky_relu", "Snake": "snake"}
ADAIN, SLOPE = "AdaptiveInstanceNormalization", 0.2
# Classes of submodules that can be rebuilt.
KNOWN = {
    *REGULARISERS, *CONVS, *TRANSPOSED, *ACTIVATIONS, ADAIN, "AlignBranches", "BatchNorm1d", "Branches", "CachedPQMF",
    "PQMF", "CachedPadding1d", "CachedSequential", "DilatedUnit", "Encoder", "EncoderV2", "EuclideanCodebook",
    "Generator", "GeneratorV2", "Identity", "ModuleList", "NoiseGenerator", "NoiseGeneratorV2", "Residual",
    "ResidualBlock", "ResidualLayer", "ResidualStack", "ResidualVectorQuantization", "Sequential", "UpsampleLayer",
    "VectorQuantization",
}  # fmt: skip

LayerFacts = dict[str, int | float | tuple[int, ...]]
Value = TypeVar("Value", int, str)
Script = Any  # a torch.jit.RecursiveScriptModule, untyped: its attributes are those of the exported module


def describe(script: Script) -> NetworkSpec:
    """Return the network of an export; RtraveError names what cannot be rebuilt."""
    _refuse_unknown(script)
    bands = int(script.pqmf.n_band)
    raw_input, raw_output = (getattr(script, f"{end}_mode", "pqmf") == "raw" for end in ("input", "output"))
    regularisation = REGULARISERS[script.encoder.original_name]
    discrete = regularisation == "discrete"
    first = _children(script.encoder.encoder.net)[0]
    channels = max(int(first.in_channels) // (1 if raw_input else bands), 1)
    width = channels * (1 if raw_output else bands)
    return NetworkSpec(
        _encoder(script.encoder.encoder),
        _decoder(script.decoder, width),
        latent_size=script.latent_pca.shape[0],
        regularisation=regularisation,
        noise_augmentation=int(getattr(script.encoder, "noise_augmentation", 0)),
        quantizers=len(_children(script.encoder.rvq.layers)) if discrete else 0,
        codes=_children(script.encoder.rvq.layers)[0]._codebook.embed.shape[0] if discrete else 0,
        bands=bands,
        raw_input=raw_input,
        raw_output=raw_output,
        analysis_taps=script.pqmf.forward_conv.weight.shape[2],
        synthesis_taps=script.pqmf.inverse_conv.weight.shape[2],
        padding=_padding(script),
        channels=channels,
    )


def is_streaming(script: Script) -> bool:
    """Return True if an export has cached convolutions."""
    return str(script.pqmf.forward_conv.original_name) == CONVS[0]


def _padding(script: Script) -> str:
    conv = script.pqmf.forward_conv
    right = conv.cumulative_delay if is_streaming(script) else conv._pad[1]
    return "centered" if right else "causal"


def _refuse_unknown(script: Script) -> None:
    for part in ("pqmf", "encoder", "decoder"):
        for name, module in getattr(script, part).named_modules():
            if module.original_name not in KNOWN:
                raise RtraveError(
                    f"{part}.{name}: expected a layer of RAVE's, got {module.original_name}: it cannot be rebuilt"
                )
    if script.encoder.original_name not in REGULARISERS:
        raise RtraveError(f"encoder: expected one of RAVE's, got {script.encoder.original_name}: it cannot be rebuilt")


def _children(module: Script) -> list[Script]:
    return list(module.children())


def _chosen(items: Sequence[Script], *names: str) -> list[Script]:
    return [item for item in items if item.original_name in names]


def _same(values: Sequence[Value], what: str) -> Value:
    if len(set(values)) != 1:
        found = ", ".join(map(str, values)) or "none"
        raise RtraveError(f"{what}: expected the same at every stage, got {found}: it cannot be rebuilt")
    return values[0]


def _encoder(encoder: Script) -> EncoderSpec:
    layers = _children(encoder.net)
    convs = _chosen(layers, *CONVS)
    ratios = tuple(int(conv.stride[0]) for conv in convs[1:-1])
    capacity = int(convs[0].out_channels)
    if encoder.original_name == "Encoder":
        return EncoderSpec(1, capacity, ratios, weight_norm=False)
    growth = [(int(conv.in_channels), int(conv.out_channels)) for conv in convs[1:-1]]
    return EncoderSpec(2, capacity, ratios, **_dilated_fields(layers, CONVS, ratios, growth), weight_norm=False)


def _dilated_fields(
    layers: Sequence[Script], scaling: tuple[str, ...], ratios: tuple[int, ...], growth: Sequence[tuple[int, int]]
) -> DilatedFields:
    """Return the shared fields of version 2; `growth` holds the narrow and wide channels of each stage."""
    stages: list[list[int]] = [[]]
    activations, kernels = [], []
    for before, layer in pairwise(layers):
        if layer.original_name == "Residual":
            dilated = _children(_children(layer.aligned.branches)[0].net)[1]
            stages[-1].append(int(dilated.dilation[0]))
            kernels.append(int(dilated.kernel_size[0]))
        elif layer.original_name in scaling:
            stages.append([])
            if before.original_name in ACTIVATIONS:
                activations.append(ACTIVATIONS[before.original_name])
    # In an encoder the units precede the convolution of their stage, in a decoder they follow it.
    dilated_stages = stages[: len(ratios)] if scaling is CONVS else stages[1 : len(ratios) + 1][::-1]
    return DilatedFields(
        kernel_size=_same(kernels, "kernel sizes"),
        dilations=tuple(tuple(stage) for stage in dilated_stages),
        keep_dim=any(wide != 2 * narrow for narrow, wide in growth),
        activation=_same(activations, "activations"),
        adain=bool(_chosen(layers, ADAIN)),
    )


def _decoder(decoder: Script, width: int) -> DecoderSpec:
    """Return the spec of a decoder with `width` output signals."""
    if decoder.original_name == "Generator":
        return _first_generator(decoder, width)
    layers = _children(decoder.net)
    ups = _chosen(layers, *TRANSPOSED)
    ratios = tuple(int(up.stride[0]) for up in ups)
    growth = [(int(up.out_channels), int(up.in_channels)) for up in ups]
    noise = getattr(decoder, "noise_module", None)
    wave = layers[-1] if noise is None else decoder.waveform_module
    return DecoderSpec(
        2,
        capacity=int(ups[-1].out_channels),
        ratios=ratios[::-1],
        **_dilated_fields(layers, TRANSPOSED, ratios, growth),
        weight_norm=False,
        amplitude_modulation=int(wave.out_channels) == 2 * width,
        noise=None if noise is None else _noise(noise, 2, width),
    )


def _first_generator(decoder: Script, width: int) -> DecoderSpec:
    layers = _children(decoder.net)
    scaling = [_children(layer.net)[-1] for layer in _chosen(layers, "UpsampleLayer")]
    blocks = [_children(block.net) for block in _children(_chosen(layers, "ResidualStack")[0].net.branches)]
    units = [
        [_chosen(_children(_children(layer.net.aligned.branches)[0]), *CONVS) for layer in block] for block in blocks
    ]
    heads = _children(decoder.synth.branches)
    return DecoderSpec(
        1,
        capacity=int(scaling[-1].out_channels),
        ratios=tuple(int(up.stride[0]) for up in scaling),
        weight_norm=False,
        amplitude_modulation=False,
        stack_kernel_sizes=tuple(int(block[0][0].kernel_size[0]) for block in units),
        stack_dilations=tuple(tuple(int(conv.dilation[0]) for conv in unit) for unit in units[0]),
        loud_stride=int(decoder.loud_stride),
        noise=_noise(heads[2], 1, width) if len(heads) > 2 else None,
    )


def _noise(noise: Script, version: int, width: int) -> NoiseSpec:
    convs = _chosen(_children(noise.net), *CONVS)
    hidden = int(convs[0].out_channels) if version == 2 else 0
    ratios = tuple(int(conv.stride[0]) for conv in convs)
    return NoiseSpec(version, ratios, int(convs[-1].out_channels) // width, hidden)


def check_layers(script: Script, model: Model) -> None:
    """Compare the layers of a rebuilt model with those of the script; RtraveError names the first that differs."""
    streaming, modules = is_streaming(script), dict(script.named_modules())
    for name, layer in model.named_modules():
        if not name.startswith(("encoder.", "decoder.")) or not isinstance(
            layer, Conv1d | ConvTranspose1d | LeakyReLU | BatchNorm
        ):
            continue
        try:
            exported, rebuilt = _facts(modules[name], layer, streaming)
        except (AttributeError, KeyError) as error:
            raise RtraveError(
                f"{name}: expected a {type(layer).__name__}, got ({error}): it cannot be rebuilt"
            ) from error
        if exported != rebuilt:
            raise RtraveError(f"{name}: expected {rebuilt}, got {exported}: it cannot be rebuilt")


def _facts(exported: Script, rebuilt: nn.Module, streaming: bool) -> tuple[LayerFacts, LayerFacts]:
    """Return the same facts of a layer in the script and of its rebuilt counterpart."""
    if isinstance(rebuilt, BatchNorm):
        return {"eps": float(exported.eps)}, {"eps": rebuilt.eps}
    if isinstance(rebuilt, LeakyReLU):
        return {"slope": float(exported.negative_slope)}, {"slope": SLOPE}
    if isinstance(rebuilt, ConvTranspose1d):
        sizes: LayerFacts = {"stride": int(exported.stride[0]), "kernel": int(exported.kernel_size[0])}
        return sizes, {"stride": rebuilt.stride, "kernel": rebuilt.stride * 2}
    assert isinstance(rebuilt, Conv1d)
    names = ("stride", "dilation", "kernel_size")
    found: LayerFacts = {name: int(getattr(exported, name)[0]) for name in names}
    expected: LayerFacts = {name: int(getattr(rebuilt, name)) for name in names}
    found["groups"], expected["groups"] = int(exported.groups), rebuilt.groups
    if streaming:
        found["cache"], expected["cache"] = int(exported.cache.padding), sum(rebuilt.padding)
        found["waits"], expected["waits"] = int(exported.downsampling_delay.padding), rebuilt.align
    else:
        found["padding"], expected["padding"] = tuple(exported._pad), tuple(rebuilt.padding)
    return found, expected
