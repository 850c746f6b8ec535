"""Another model on request: found by its name and compiled in a child process, ready to be loaded. Control process."""

from __future__ import annotations

import contextlib
import os
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rtrave.backends.facts import ModelFacts
from rtrave.backends.graph_shape import GraphShape
from rtrave.backends.opening import ensure_model, read_facts
from rtrave.errors import ControlError, RtraveError
from rtrave.model.registry import registered_models

NICE = 10


@dataclass(frozen=True)
class RequestedModel:
    """A model that is ready to be loaded.

    Attributes
    ----------
    name : str
        The name that requested it.
    path : Path
        Its file.
    graph : Path
        Folder of its compiled graph.
    facts : ModelFacts
    """

    name: str
    path: Path
    graph: Path
    facts: ModelFacts


@dataclass(frozen=True)
class PreparationFailed:
    """A requested model cannot be loaded; `why` is one line."""

    why: str


def check_channels(old: ModelFacts, new: ModelFacts) -> None:
    """Refuse a model of other channels than those that the device is open for; everything else may differ."""
    if new.channels != old.channels:
        raise RtraveError(
            f"{new.spec.name}: expected {old.channels} channels, as the model that plays, got {new.channels}: start a "
            "run of its own with --model"
        )


class ModelPreparation:
    """Preparation of one requested model at a time.

    Parameters
    ----------
    shape : GraphShape
        Shape of the graphs to compile.
    playing : callable
        () -> facts of the model that plays.
    """

    def __init__(self, shape: GraphShape, playing: Callable[[], ModelFacts]) -> None:
        self._shape, self._playing = shape, playing
        self._busy = threading.Lock()
        self._results: queue.SimpleQueue[RequestedModel | PreparationFailed] = queue.SimpleQueue()

    def request(self, name: str) -> None:
        """Start to prepare a model, and return at once; `result` gives the outcome. OSC thread.

        Raises
        ------
        ControlError
            `bad-name` for a name that is not registered (a path never is), `busy` until `finish` ends the last request.
        """
        path = registered_models().get(name)
        if path is None:
            known = ", ".join(sorted(registered_models()))[:120]
            raise ControlError("bad-name", f"no model {name[:40]!r}: registered are {known}", 0)
        if not self._busy.acquire(blocking=False):
            raise ControlError("busy", "another model is being loaded: try again", 0)
        threading.Thread(target=self._prepare, args=(name, path), name="model-load", daemon=True).start()

    def result(self) -> RequestedModel | PreparationFailed | None:
        """Return the outcome of the request, once; None before. Main thread."""
        try:
            return self._results.get_nowait()
        except queue.Empty:
            return None

    def finish(self) -> None:
        """End the request: the model plays, or will not. Any thread."""
        self._busy.release()

    def _prepare(self, name: str, path: Path) -> None:
        """Compile where needed, in a child process that inherits the low priority of this thread."""
        try:
            with contextlib.suppress(OSError, AttributeError):
                os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)
            graph = ensure_model(path, self._shape)
            facts = read_facts(graph)
            check_channels(self._playing(), facts)
            self._results.put(RequestedModel(name, path, graph, facts))
        except Exception as error:  # whatever it is, the old model plays on, and the sender is answered
            self._results.put(PreparationFailed(str(error)))
