"""Views of a checkpoint's discriminator: kinds and kernels from its weights, strides and periods from the config."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from torch import Tensor

from rtrave.errors import RtraveError
from rtrave.layers.conv import padding
from rtrave.model.discriminator import Stage, View
from rtrave.model.formats.gin import Config

DAC_SLOPE = 0.1
DAC = "descript_discriminator.DescriptDiscriminator"
# Strides and dilations of the architectures for the axes of each kernel.
SPECTRUM_STAGES = [
    ((1, 1), (1, 1)),
    ((2, 1), (1, 1)),
    ((2, 1), (1, 2)),
    ((2, 1), (1, 4)),
    ((1, 1), (1, 1)),
    ((1, 1), (1, 1)),
]
BAND_STRIDES = [(1, 1), (1, 2), (1, 2), (1, 2), (1, 1)]

Entries = Mapping[str, Tensor]


def read_views(config: Config, entries: Entries) -> list[View]:
    """Return the views of a discriminator from its entries, in the order of its state dict.

    Raises
    ------
    RtraveError
        The discriminator is of an unknown kind, or the configuration does not describe it.
    """
    try:
        views = _views(config, entries, "")
        return _numbered(config, views)
    except (IndexError, KeyError, StopIteration, TypeError, ValueError) as error:
        raise RtraveError(f"'{config.path}': expected a discriminator, got {type(error).__name__}: {error}") from error


def _views(config: Config, entries: Entries, at: str) -> list[View]:
    """Return the views below a path, which is empty or ends with a dot."""
    parts = {name.removeprefix(at).split(".")[0] for name in entries if name.startswith(at)}
    if "discriminators" in parts:
        return [
            view
            for index in _indexes(entries, f"{at}discriminators.")
            for view in _views(config, entries, f"{at}discriminators.{index}.")
        ]
    if "layers" in parts:
        return [_net(config, entries, f"{at}layers.{i}.", i) for i in _indexes(entries, f"{at}layers.")]
    if "nets" in parts:
        return [_spectrum(entries, at, i) for i in _indexes(entries, f"{at}nets.")]
    if "band_convs" in parts:
        return [_bands(config, entries, at)]
    if "convs" in parts:
        return [_dac(entries, at)]
    raise RtraveError(f"discriminator: expected a known kind, got one of {', '.join(sorted(parts))}")


def _numbered(config: Config, views: Sequence[View]) -> list[View]:
    """Return the views with the periods of the configuration, in its order."""
    lists = {
        "period": config.get("discriminator.MultiPeriodDiscriminator.periods"),
        "dac period": config.get(f"{DAC}.periods"),
    }
    remaining = {kind: iter(_positive(sizes)) for kind, sizes in lists.items() if sizes}
    return [replace(view, size=next(remaining[view.kind])) if view.kind in lists else view for view in views]


def _positive(sizes: object) -> list[int]:
    if not isinstance(sizes, list) or any(not isinstance(size, int) or size < 1 for size in sizes):
        raise ValueError(f"expected a list of positive whole numbers, got {sizes!r}")
    return sizes


def _indexes(entries: Entries, at: str) -> list[int]:
    return sorted({int(name.removeprefix(at).split(".")[0]) for name in entries if name.startswith(at)})


def _kernel(entries: Entries, path: str) -> tuple[int, ...]:
    """Return the size of a convolution's kernel along each axis."""
    weight = entries.get(f"{path}.weight_v", entries.get(f"{path}.weight"))
    if weight is None or weight.ndim not in (3, 4):
        raise RtraveError(f"{path!r}: expected the weights of a convolution, got none")
    return tuple(weight.shape[2:])


def _stage(entries: Entries, path: str, stride: tuple[int, ...], dilation: tuple[int, ...] | None = None) -> Stage:
    """Return a convolution over two axes, padded on both sides by half of its span."""
    kernel = _kernel(entries, path)
    if len(kernel) != len(stride):
        raise RtraveError(f"{path!r}: expected a kernel of {len(stride)} axes, got {len(kernel)}")
    dilation = dilation or (1,) * len(kernel)
    half = tuple((taps - 1) * step // 2 for taps, step in zip(kernel, dilation, strict=True))
    return Stage(path, stride, half, dilation)


def _chain(config: Config, entries: Entries, at: str, scope: str) -> tuple[Stage, ...]:
    """Return a plain chain of convolutions: every second layer of a `net`, the last one without stride."""
    paths = [f"{at}net.{index}" for index in _indexes(entries, f"{at}net.")]
    stride = config.get(f"{scope}discriminator.ConvNet.stride")
    strides = _positive(stride if isinstance(stride, list) else [stride] * (len(paths) - 1))
    stages = []
    for path, stride in zip(paths, [*strides, 1], strict=True):
        taps, *flat = _kernel(entries, path)
        left = padding(taps, 1, "centered")[0]
        ones = (1,) * len(flat)
        stages.append(Stage(path, (stride, *ones), (left, *(0 for _ in flat)), (1, *ones)))
    return tuple(stages)


def _scope(config: Config, selector: str) -> str:
    """Return the scope of a discriminator's chains: "@scales/discriminator.ConvNet" -> "scales/"."""
    chain = str(config.get(f"discriminator.{selector}.convnet", "")).removeprefix("@")
    return chain.rpartition("/")[0] + "/" if "/" in chain else ""


def _net(config: Config, entries: Entries, at: str, index: int) -> View:
    periodic = len(_kernel(entries, f"{at}net.0")) == 2
    selector = "MultiPeriodDiscriminator" if periodic else "MultiScaleDiscriminator"
    chain = _chain(config, entries, at, _scope(config, selector))
    return View("period", 0, (chain,), before=True) if periodic else View("scale", 2**index, (chain,), before=True)


def _spectrum(entries: Entries, at: str, index: int) -> View:
    source, net = f"{at}specs.{index}", f"{at}nets.{index}."
    last = len(SPECTRUM_STAGES) - 1
    paths = [f"{net}net.{i}.0" if i < last else f"{net}net.{i}" for i in _indexes(entries, f"{net}net.")]
    stages = zip(paths, SPECTRUM_STAGES, strict=True)
    chain = tuple(_stage(entries, path, stride, dilation) for path, (stride, dilation) in stages)
    return View("spectrum", 0, (chain,), source=source)


def _dac(entries: Entries, at: str) -> View:
    paths = [f"{at}convs.{index}.0" for index in _indexes(entries, f"{at}convs.")]
    strides = [(3, 1)] * (len(paths) - 1) + [(1, 1)]
    chain = tuple(_stage(entries, path, stride) for path, stride in zip(paths, strides, strict=True))
    return View("dac period", 0, ((*chain, _stage(entries, f"{at}conv_post", (1, 1))),), slope=DAC_SLOPE)


def _bands(config: Config, entries: Entries, at: str) -> View:
    bins = entries[f"{at}stft.window"].shape[0] // 2 + 1
    shares = config.get(f"{DAC}.bands")
    if not isinstance(shares, list):
        raise ValueError(f"expected a list of bands, got {shares!r}")
    bands = tuple((int(low * bins), int(high * bins)) for low, high in shares)
    chains = []
    for band in _indexes(entries, f"{at}band_convs."):
        paths = [f"{at}band_convs.{band}.{i}.0" for i in _indexes(entries, f"{at}band_convs.{band}.")]
        stages = zip(paths, BAND_STRIDES, strict=True)
        chains.append(tuple(_stage(entries, path, stride) for path, stride in stages))
    if len(chains) != len(bands):
        raise RtraveError(f"'{config.path}': expected {len(chains)} bands as in the weights, got {len(bands)}")
    head = _stage(entries, f"{at}conv_post", (1, 1))
    return View("dac bands", 0, tuple(chains), head, DAC_SLOPE, source=f"{at}stft", bands=bands)
