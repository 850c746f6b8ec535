"""`rtrave.stream`: a live stream of any model, on any backend."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rtrave.backends.backend import Backend
from rtrave.backends.graph_shape import GraphShape
from rtrave.backends.opening import ensure_model, open_blocking
from rtrave.backends.torchscript.facts import is_script
from rtrave.errors import RtraveError
from rtrave.model.latent_space import NoiseSource, seeded_noise
from rtrave.model.registry import find_model
from rtrave.streaming.stream import Stream

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
    """Open a live stream of a model; every call opens a new, independent one.

    Parameters
    ----------
    model : Model, str or Path
        A loaded model, or what `rtrave.load` takes. By name or path nothing imports torch once the graph is cached.
        A third-party TorchScript file of the nn~ contract plays in a worker process, whatever `backend` and `compat`
        are; each call waits for it.
    batch : int
        Signals side by side.
    backend : {"onnx", "torch"}
        The compiled path, or the reference.
    precision : {"float32", "int8"}
        Of the large weights: int8 is several times faster and about 30 dB less exact (docs/performance.md).
    seed, noise
        Source of all random draws; `noise` replaces the seeded source: (kind, latent_frame, shape) -> float32 array,
        normal for "posterior" and "augmentation" ([B, D]), uniform in [0, 1) for "synth" ([B, bands, band samples]).
    compat : {None, "nn~"}
        "nn~" leaves odd band delays uncompensated, as upstream's exports do.
    hop : int, optional
        Samples per run of the model, a multiple of the ratio; the ratio itself where it is not given.
    threads : int
        Threads of ONNX Runtime, or of torch in a worker process.

    Raises
    ------
    RtraveError
        An unknown choice, or a model that cannot be used.
    """
    if compat not in (None, "nn~"):
        raise RtraveError(f"compat: expected None or 'nn~', got {compat!r}: use one of them")
    if backend not in ("onnx", "torch"):
        raise RtraveError(f"backend: expected 'onnx' or 'torch', got {backend!r}: use one of them")
    if backend == "torch" and precision != "float32":
        raise RtraveError(f"precision: expected 'float32' for the backend 'torch', got {precision!r}: use 'onnx'")
    if batch < 1:
        raise RtraveError(f"batch: expected 1 or more, got {batch}: use 1")
    shape = GraphShape(batch=batch, precision=precision, compat=compat, hop=hop)
    return Stream(_open(model, backend, shape, threads), noise or seeded_noise(seed))


def _open(model: Model | str | Path, backend: str, shape: GraphShape, threads: int) -> Backend:
    if isinstance(model, (str, Path)):
        path = find_model(str(model))
        script = is_script(path)
        if script and shape.batch != 1:
            raise RtraveError(f"batch: expected 1 for a third-party TorchScript file, got {shape.batch}: use 1")
        if script or backend == "onnx":
            return open_blocking(ensure_model(path, shape), threads)

    # Import torch only for a model in memory or for the reference backend.
    from rtrave.backends.torch import TorchBackend
    from rtrave.compiler.graph import ensure_graph_of
    from rtrave.model.formats.load import load

    loaded = load(model) if isinstance(model, (str, Path)) else model
    if backend == "torch":
        return TorchBackend(loaded, shape)
    return open_blocking(ensure_graph_of(loaded, shape), threads)
