"""Opening of models in the cache, of any kind; the manifest of a folder names the kind. Needs no torch."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from rtrave.backends.backend import Backend
from rtrave.backends.cache import MANIFEST, ensure_graph, open_compiled
from rtrave.backends.facts import BackendKind, ModelFacts
from rtrave.backends.graph_shape import GraphShape
from rtrave.backends.onnx import OnnxBackend
from rtrave.backends.routed import RoutedBackend, open_route
from rtrave.backends.torchscript.backend import TorchScriptBackend
from rtrave.backends.torchscript.facts import ensure_torchscript, is_script, open_torchscript
from rtrave.backends.torchscript.pipelined import PipelinedBackend
from rtrave.errors import RtraveError


def read_kind(folder: Path) -> BackendKind:
    """Return the kind of a folder of the cache; RtraveError where it is missing or damaged."""
    try:
        return BackendKind(json.loads((folder / MANIFEST).read_text())["kind"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RtraveError(f"the model in '{folder}' is missing or damaged: start again to rebuild it") from error


def read_facts(folder: Path) -> ModelFacts:
    """Return the facts of a folder of the cache; RtraveError where it is missing or damaged."""
    match read_kind(folder):
        case BackendKind.COMPILED:
            return open_compiled(folder).facts
        case BackendKind.ROUTED:
            return open_route(folder).facts
        case BackendKind.TORCHSCRIPT:
            return open_torchscript(folder).facts


def ensure_model(
    source: Path,
    shape: GraphShape,
    attributes: Mapping[str, list[Any]] | None = None,
    report: Callable[[str], None] = lambda line: None,
) -> Path:
    """Return the folder of a model file in the cache; compile or probe it where the cache lacks it.

    Parameters
    ----------
    source : Path
        A file or run folder that `rtrave.load` takes, or a third-party TorchScript file, which has no `shape`.
    shape : GraphShape
    attributes : mapping
        Attributes of a third-party TorchScript file: name to list of values.
    report : callable
        Called with each line that a user must know, from this thread.
    """
    if is_script(source):
        return ensure_torchscript(source, attributes, report)
    return ensure_graph(source, shape, report)


def open_blocking(folder: Path, threads: int = 1) -> Backend:
    """Open a backend whose calls and hops all return when their work is done."""
    match read_kind(folder):
        case BackendKind.COMPILED:
            return OnnxBackend(folder, threads)
        case BackendKind.ROUTED:
            return RoutedBackend(folder, threads)
        case BackendKind.TORCHSCRIPT:
            return TorchScriptBackend(open_torchscript(folder), threads)


def open_backend(folder: Path, threads: int = 1, offline: bool = False) -> Backend:
    """Open a backend whose pipeline keeps no caller waiting for another process.

    Parameters
    ----------
    folder : Path
        A folder of the cache.
    threads : int
        Threads of ONNX Runtime or torch.
    offline : bool
        Nothing waits for the sound, so a worker process may take its time.
    """
    if read_kind(folder) is BackendKind.TORCHSCRIPT:
        return PipelinedBackend(TorchScriptBackend(open_torchscript(folder), threads), offline)
    return open_blocking(folder, threads)
