"""`rtrave.stream`: one call for both backends."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rtrave.backends.cache import ensure_graph
from rtrave.backends.graph_shape import GraphShape
from rtrave.backends.onnx import OnnxBackend
from rtrave.backends.torchscript.facts import is_script
from rtrave.errors import RtraveError
from rtrave.model.latent_space import NoiseSource
from rtrave.model.registry import find_model
from rtrave.streaming.stream import Stream, make_stream
from rtrave.streaming.torchscript_stream import torchscript_stream

if TYPE_CHECKING:
    from rtrave.model.rave import Model


def stream(
    model: Model | str | Path,
    batch: int = 1,
    backend: str = "onnx",
    precision: str = "float32",
    seed: int = 0,
    noise: NoiseSource | None = None,
    compat: str | None = None,
    hop: int | None = None,
    threads: int = 1,
) -> Stream:
    """A live stream of a model; every call makes a new, independent one.

    Parameters
    ----------
    model : Model, str or Path
        A loaded model, or what `rtrave.load` takes. By name or path nothing imports torch once the graph is cached.
        The path of any other TorchScript of the nn~ contract plays in a worker process, one hop later, whatever the
        backend and `compat`.
    batch : int
        Signals side by side.
    backend : {"onnx", "torch"}
        The compiled path, or the reference.
    precision : {"float32", "int8"}
        Of the large weights: int8 is several times faster and about 30 dB less exact (docs/performance.md).
    seed, noise
        Of all random draws; `noise` replaces the seeded source: (kind, latent_frame, shape) -> float32 array, normal
        for
        "posterior" and "augmentation" (shape [B, D]), uniform in [0, 1) for "synth" (shape [B, bands, band samples]).
    compat : {None, "nn~"}
        "nn~" leaves odd band delays uncompensated, as upstream's exports do.
    hop : int, optional
        Samples of one run, a multiple of the ratio; the ratio itself where not given.
    threads : int
        Of ONNX Runtime.

    Raises
    ------
    RtraveError
        An unknown choice, or a model that cannot be used.
    """
    if compat not in (None, "nn~"):
        raise RtraveError(f"compat {compat!r} is unknown: use None or 'nn~'")
    if backend not in ("onnx", "torch"):
        raise RtraveError(f"backend {backend!r} is unknown: use 'onnx' or 'torch'")
    if backend == "torch" and precision != "float32":
        raise RtraveError(f"precision {precision!r} with backend 'torch': only 'onnx' has it")
    if batch < 1:
        raise RtraveError(f"batch {batch}: use 1 or more")
    shape = GraphShape(batch=batch, precision=precision, compat=compat, hop=hop)
    if isinstance(model, (str, Path)):
        path = find_model(str(model))
        if is_script(path):
            if batch != 1:
                raise RtraveError(f"batch {batch}: a foreign TorchScript plays one signal, use 1")
            return torchscript_stream(path, seed, noise, threads)
        if backend == "onnx":
            return make_stream(OnnxBackend(ensure_graph(path, shape), threads), seed, noise)

    # torch is imported only where a model in memory or its reference is asked for
    from rtrave.backends.torch import TorchBackend
    from rtrave.compiler.graph import ensure_graph_of
    from rtrave.model.formats.load import load

    loaded = load(model) if isinstance(model, (str, Path)) else model
    parts = TorchBackend(loaded, shape) if backend == "torch" else OnnxBackend(ensure_graph_of(loaded, shape), threads)
    return make_stream(parts, seed, noise)
