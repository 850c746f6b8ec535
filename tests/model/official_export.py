"""Scripts with the tree of RAVE's own exports, made from rtrave models: the same names, classes and attributes.

They contain no code of RAVE's, and their modules compute nothing.
"""

from dataclasses import replace

import torch
from torch import nn

from rtrave.layers.activations import Identity, LeakyReLU
from rtrave.layers.compose import Branches, Named, Sequential
from rtrave.layers.conv import Conv1d as OurConv1d
from rtrave.layers.conv import ConvTranspose1d as OurConvTranspose1d
from rtrave.layers.noise import NoiseSynth
from rtrave.layers.norm import BatchNorm
from rtrave.model.weights import folded


class Quiet(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x


class CachedPadding1d(Quiet):
    def __init__(self, padding):
        super().__init__()
        self.padding = padding
        self.register_buffer("pad", torch.zeros(2, 1, padding))


class _Conv(Quiet):
    def __init__(self, conv):
        super().__init__()
        self.weight = nn.Parameter(conv.kernel().detach().clone())
        self.stride, self.dilation, self.groups = (conv.stride,), (conv.dilation,), conv.groups
        self.kernel_size, self.in_channels = (conv.kernel_size,), conv.in_channels
        self.out_channels = self.weight.shape[0]


class CachedConv1d(_Conv):
    def __init__(self, conv):
        super().__init__(conv)
        self.cumulative_delay = conv.padding[1] // conv.stride
        self.cache, self.downsampling_delay = CachedPadding1d(sum(conv.padding)), CachedPadding1d(conv.align)


class Conv1d(_Conv):
    def __init__(self, conv):
        super().__init__(conv)
        self._pad = tuple(conv.padding)


class CachedConvTranspose1d(Quiet):
    def __init__(self, conv):
        super().__init__()
        self.weight = nn.Parameter(conv.kernel().detach().clone())
        self.in_channels, self.out_channels = self.weight.shape[0], self.weight.shape[1]
        self.stride, self.kernel_size = (conv.stride,), (2 * conv.stride,)
        self.register_buffer("cache", torch.zeros(2, self.out_channels, conv.stride))


class ConvTranspose1d(CachedConvTranspose1d):
    def __init__(self, conv):
        super().__init__(conv)
        del self.cache


class CachedSequential(nn.Sequential):
    pass


class AlignBranches(Quiet):
    def __init__(self, branches):
        super().__init__()
        self.branches = nn.ModuleList(branches)


class Residual(Quiet):
    def __init__(self, aligned):
        super().__init__()
        self.aligned = aligned


class DilatedUnit(Quiet):
    def __init__(self, net):
        super().__init__()
        self.net = net


class ResidualStack(DilatedUnit):
    pass


class UpsampleLayer(DilatedUnit):
    pass


class Encoder(DilatedUnit):
    pass


class EncoderV2(DilatedUnit):
    pass


class _Noise(Quiet):
    def __init__(self, net):
        super().__init__()
        self.net = net
        self.register_buffer("target_size", torch.tensor(8))


class NoiseGenerator(_Noise):
    pass


class NoiseGeneratorV2(_Noise):
    pass


class VariationalEncoder(Quiet):
    def __init__(self, encoder):
        super().__init__()
        self.encoder = encoder
        self.register_buffer("warmed_up", torch.tensor(1))


class GeneratorV2(Quiet):
    def __init__(self, net, wave, noise):
        super().__init__()
        self.net, self.waveform_module, self.noise_module = net, wave, noise


class Synth(AlignBranches):
    pass


class Generator(Quiet):
    def __init__(self, net, branches):
        super().__init__()
        self.net, self.synth, self.loud_stride = net, AlignBranches(branches), 1
        self.register_buffer("warmed_up", torch.tensor(1))


class CachedPQMF(Quiet):
    def __init__(self, forward_conv, inverse_conv, bands):
        super().__init__()
        self.n_band, self.forward_conv, self.inverse_conv = bands, forward_conv, inverse_conv
        self.register_buffer("h", torch.zeros(3))


class VariationalScriptedRAVE(Quiet):
    def __init__(self, pqmf, encoder, decoder, model):
        super().__init__()
        self.pqmf, self.encoder, self.decoder, self.sr = pqmf, encoder, decoder, model.sample_rate
        self.input_mode, self.output_mode, self.resampler = "pqmf", "pqmf", None
        for name in ("latent_pca", "latent_mean", "fidelity"):
            self.register_buffer(name, getattr(model, name).clone())
        self.register_buffer("encode_params", torch.tensor([1, 1, 1, 1]))


def counterpart(layer, streaming):
    """Return the counterpart of a layer in an export."""
    if isinstance(layer, OurConv1d):
        return (CachedConv1d if streaming else Conv1d)(layer)
    if isinstance(layer, OurConvTranspose1d):
        return (CachedConvTranspose1d if streaming else ConvTranspose1d)(layer)
    if isinstance(layer, LeakyReLU):
        return nn.LeakyReLU(0.2)
    if isinstance(layer, Identity):
        return nn.Identity()
    if isinstance(layer, BatchNorm):
        norm = nn.BatchNorm1d(layer.num_features)
        norm.load_state_dict(layer.state_dict())
        return norm
    if isinstance(layer, Sequential):
        return CachedSequential(*(counterpart(item, streaming) for item in layer))
    if isinstance(layer, Branches):
        return AlignBranches([counterpart(item, streaming) for item in layer.branches])
    assert isinstance(layer, Named), type(layer)
    inner = counterpart(layer.layer, streaming)
    if layer.name == "aligned":
        return Residual(inner)
    if isinstance(layer.layer, Branches):
        return ResidualStack(inner)
    return UpsampleLayer(inner) if isinstance(inner, CachedSequential) and len(inner) == 2 else DilatedUnit(inner)


def export(model, path, streaming=True, change=None):
    """Write the export of a variational model; `change` alters its tree before the scripting."""
    model = folded(model)
    spec = model.network
    bank = [counterpart(conv, streaming) for conv in (model.pqmf.forward_conv, model.pqmf.inverse_conv)]
    encoder = (Encoder if spec.encoder.version == 1 else EncoderV2)(counterpart(model.encoder.encoder.layer, streaming))
    heads = [model.decoder.get_submodule(part) for part in model.decoder.paths.values()]
    noise_class = NoiseGenerator if spec.decoder.version == 1 else NoiseGeneratorV2
    twins = [
        noise_class(counterpart(head.net, streaming)) if isinstance(head, NoiseSynth) else counterpart(head, streaming)
        for head in heads
    ]
    net = counterpart(model.decoder.net, streaming)
    if spec.decoder.version == 1:
        decoder = Generator(net, twins)
    else:
        decoder = GeneratorV2(net, *(twins if len(twins) == 2 else (None, None)))
    root = VariationalScriptedRAVE(CachedPQMF(*bank, spec.bands), VariationalEncoder(encoder), decoder, model)
    if change is not None:
        change(root)
    torch.jit.script(root.eval()).save(path)
    return path


def plain_network(model):
    """Return the network that the export of a model describes, without weight norm."""
    network = model.network.folded
    decoder = network.decoder
    if decoder.version == 1:  # unused in version 1
        decoder = replace(decoder, amplitude_modulation=False)
    return replace(network, decoder=decoder)
