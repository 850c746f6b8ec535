"""Another model while playing: converted in a child process, loaded beside the sound, announced to all who listen."""

from __future__ import annotations

import contextlib
import os
import queue
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rtrave.errors import ControlError, RtraveError
from rtrave.model.registry import registered_models
from rtrave.streaming.graph_cache import ensure_graph
from rtrave.streaming.graph_shape import GraphShape
from rtrave.streaming.scripted import ModelFacts, ensure_scripted, is_script, read_facts

ADDRESS = "/rtrave/model/load"
NICE = 10
Announce = Callable[[str, str, tuple[Any, ...]], None]


def check_shape(old: ModelFacts, new: ModelFacts) -> None:
    """Refuse a model that does not fit into this run's controls and rings, and say in what it differs.

    Another ratio, hop or sample rate fits.
    """
    sizes = [
        {
            "channels": facts.channels,
            "latent dimensions": facts.spec.full_latent_size,
            "latent frames a hop": facts.shape.latent_frames,
        }
        for facts in (old, new)
    ]
    apart = [f"{sizes[1][name]} {name} (now {n})" for name, n in sizes[0].items() if sizes[1][name] != n]
    if apart:
        raise RtraveError(f"{new.spec.name} has {', '.join(apart)}: it needs a run of its own, start with --model")


class ModelSwap:
    """Does one swap at a time.

    Parameters
    ----------
    shape : GraphShape
        What graphs are compiled for.
    playing : callable
        The facts of the model that plays.
    send : callable
        Carries a command to the audio process; False where there is none.
    adopt : callable
        (facts, graph, told): the new model plays; called on the main thread.
    announce : callable
        (address, types, values) to all who listen by OSC.

    Attributes
    ----------
    count : int
        Models that have played before the one that plays.
    """

    def __init__(
        self,
        shape: GraphShape,
        playing: Callable[[], ModelFacts],
        send: Callable[[dict[str, Any]], bool],
        adopt: Callable[[ModelFacts, Path, dict[str, Any]], None],
        announce: Announce,
    ) -> None:
        self._shape, self._playing, self._send, self._adopt, self._announce = shape, playing, send, adopt, announce
        self._busy = threading.Lock()
        self._ready: queue.SimpleQueue[tuple[str, Path, ModelFacts]] = queue.SimpleQueue()
        self.count = 0  # swaps so far
        self._wanted: tuple[str, Path, ModelFacts] | None = None

    def load(self, name: str) -> None:
        """Begin; done or failed is announced later. OSC thread, returns at once.

        Raises
        ------
        ControlError
            `bad-name` for a name that is not registered (a path never is), `busy` while another one is loaded.
        """
        path = registered_models().get(name)
        if path is None:
            known = ", ".join(sorted(registered_models()))[:120]
            raise ControlError("bad-name", f"no model {name[:40]!r}: registered are {known}", 0)
        if not self._busy.acquire(blocking=False):
            raise ControlError("busy", "another model is being loaded: try again", 0)
        threading.Thread(target=self._prepare, args=(name, path), name="model-load", daemon=True).start()

    def _prepare(self, name: str, path: Path) -> None:
        """Compile where needed, in a child process with the low priority of this thread."""
        try:
            with contextlib.suppress(OSError, AttributeError):
                os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)
            graph = ensure_scripted(path) if is_script(path) else ensure_graph(path, self._shape)
            facts = read_facts(graph)
            check_shape(self._playing(), facts)
            self._ready.put((name, graph, facts))
        except Exception as error:  # whatever it is, the old model plays on, and the sender is told
            self._fail(str(error))

    def poll(self, fade_ms: float) -> None:
        """Hand what is ready to the audio process. Main thread."""
        try:
            self._wanted = self._ready.get_nowait()
        except queue.Empty:
            return
        command = {"command": "load", "graph": str(self._wanted[1]), "model": self.count + 1, "fade_ms": fade_ms}
        if not self._send(command):
            self._fail("the audio process is being started again: try again")

    def heard(self, told: dict[str, Any]) -> None:
        """What the audio process says of it: "loaded" or "load-failed". Main thread."""
        wanted, self._wanted = self._wanted, None
        if wanted is None or told.get("graph") != str(wanted[1]):
            return
        if told["event"] != "loaded":
            self._fail(str(told.get("message")))
            return
        name, graph, facts = wanted
        self.count += 1
        self._adopt(facts, graph, told)
        self._busy.release()
        self._announce("/rtrave/done", "ss", (ADDRESS, name))

    def lost(self) -> None:
        """The audio process is gone; the next one plays the old model. Main thread."""
        if self._wanted is not None:
            self._wanted = None
            self._fail("the audio process ended while it was loaded: the old model plays")

    def _fail(self, why: str) -> None:
        self._busy.release()
        self._announce("/rtrave/error", "ssis", (ADDRESS, "denied", 0, " ".join(why.split())[:200]))
