"""Another model while playing: converted in a child process, loaded beside the sound, announced to all who listen."""

from __future__ import annotations

import contextlib
import os
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rtrave.backends.facts import ModelFacts
from rtrave.backends.graph_shape import GraphShape
from rtrave.backends.opening import ensure_model, read_facts
from rtrave.errors import ControlError, RtraveError
from rtrave.model.registry import registered_models

ADDRESS = "/rtrave/model/load"
NICE = 10
Announce = Callable[[str, str, tuple[Any, ...]], None]


@dataclass(frozen=True)
class Wanted:
    """A model that is ready to be played: the name it was asked for by, its file and graph, what is known of it."""

    name: str
    path: Path
    graph: Path
    facts: ModelFacts


def check_channels(old: ModelFacts, new: ModelFacts) -> None:
    """Refuse a model of other channels than those that the device was opened for; everything else may differ."""
    came, now = new.channels, old.channels
    if came != now:
        raise RtraveError(f"{new.spec.name} has {came} channels (now {now}): it needs a run of its own, use --model")


class ModelSwap:
    """Does one swap at a time.

    Parameters
    ----------
    shape : GraphShape
        What graphs are compiled for.
    playing : callable
        The facts of the model that plays.
    make_room : callable
        (facts) -> what the audio process is told of the shared memory for it, None where it fits into what is there.
    forget_room : callable
        The model that room was made for does not play.
    send : callable
        Carries a command to the audio process; False where there is none.
    adopt : callable
        (wanted, told): the new model plays; called on the main thread.
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
        make_room: Callable[[ModelFacts], dict[str, Any] | None],
        forget_room: Callable[[], None],
        send: Callable[[dict[str, Any]], bool],
        adopt: Callable[[Wanted, dict[str, Any]], None],
        announce: Announce,
    ) -> None:
        self._shape, self._playing, self._send, self._adopt, self._announce = shape, playing, send, adopt, announce
        self._make_room, self._forget_room = make_room, forget_room
        self._busy = threading.Lock()
        self._ready: queue.SimpleQueue[Wanted] = queue.SimpleQueue()
        self.count = 0  # swaps so far
        self._wanted: Wanted | None = None

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
            graph = ensure_model(path, self._shape)
            facts = read_facts(graph)
            check_channels(self._playing(), facts)
            self._ready.put(Wanted(name, path, graph, facts))
        except Exception as error:  # whatever it is, the old model plays on, and the sender is told
            self._fail(str(error))

    def poll(self, fade_ms: float) -> None:
        """Hand what is ready to the audio process. Main thread."""
        try:
            wanted = self._ready.get_nowait()
        except queue.Empty:
            return
        try:
            room = self._make_room(wanted.facts)
        except RtraveError as error:
            self._fail(str(error))
            return
        command = {"command": "load", "graph": str(wanted.graph), "model": self.count + 1, "fade_ms": fade_ms}
        if room is not None:
            command["shared"] = room
        if self._send(command):
            self._wanted = wanted
        else:
            self._fail("the audio process is being started again: try again")

    def heard(self, told: dict[str, Any]) -> None:
        """What the audio process says of it: "loaded" or "load-failed". Main thread."""
        wanted, self._wanted = self._wanted, None
        if wanted is None or told.get("graph") != str(wanted.graph):
            return
        if told["event"] != "loaded":
            self._fail(str(told.get("message")))
            return
        self.count += 1
        self._adopt(wanted, told)
        self._busy.release()
        self._announce("/rtrave/done", "ss", (ADDRESS, wanted.name))

    def lost(self) -> None:
        """The audio process is gone; the next one plays the old model. Main thread."""
        if self._wanted is not None:
            self._wanted = None
            self._fail("the audio process ended while it was loaded: the old model plays")

    def _fail(self, why: str) -> None:
        self._forget_room()
        self._busy.release()
        self._announce("/rtrave/error", "ssis", (ADDRESS, "denied", 0, " ".join(why.split())[:200]))
