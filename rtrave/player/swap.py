"""Another model while playing: loaded beside the sound, then announced to all listeners. Control process."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rtrave.backends.facts import ModelFacts
from rtrave.errors import RtraveError
from rtrave.ipc.messages import Load, Loaded, LoadFailed
from rtrave.ipc.shared_spec import SharedSection
from rtrave.player.model_preparation import ModelPreparation, PreparationFailed, RequestedModel

ADDRESS = "/rtrave/model/load"
Announce = Callable[[str, str, tuple[Any, ...]], None]


class ModelSwap:
    """Swap to one requested model at a time. Main thread.

    Parameters
    ----------
    preparation : ModelPreparation
        Brings the models that were requested.
    prepare_memory : callable
        (facts) -> shared memory for a model, None where it fits into the present one.
    discard_memory : callable
        Removes the memory of a model that will not play.
    send : callable
        (command) -> False where no audio process plays.
    adopt : callable
        (requested, loaded): the new model plays.
    announce : callable
        (address, types, values) to all OSC listeners.
    """

    def __init__(
        self,
        preparation: ModelPreparation,
        prepare_memory: Callable[[ModelFacts], SharedSection | None],
        discard_memory: Callable[[], None],
        send: Callable[[Load], bool],
        adopt: Callable[[RequestedModel, Loaded], None],
        announce: Announce,
    ) -> None:
        self._preparation, self._send, self._adopt, self._announce = preparation, send, adopt, announce
        self._prepare_memory, self._discard_memory = prepare_memory, discard_memory
        self._loading: RequestedModel | None = None

    def poll(self, model_index: int, fade_ms: float) -> None:
        """Send a model that is ready to the audio process; `model_index`: how many models play before it."""
        result = self._preparation.result()
        if isinstance(result, PreparationFailed):
            self._fail(result.why)
        elif result is not None:
            self._load(result, model_index, fade_ms)

    def _load(self, requested: RequestedModel, model_index: int, fade_ms: float) -> None:
        try:
            section = self._prepare_memory(requested.facts)
        except RtraveError as error:
            self._fail(str(error))
            return
        if self._send(Load(requested.graph, model_index, fade_ms, section)):
            self._loading = requested
        else:
            self._fail("the audio process is being started again: try again")

    def report(self, event: Loaded | LoadFailed) -> None:
        """Take the audio process's answer."""
        requested = self._loading
        if requested is None or event.graph != requested.graph:
            return
        self._loading = None
        if isinstance(event, LoadFailed):
            self._fail(event.message)
            return
        self._adopt(requested, event)
        self._preparation.finish()
        self._announce("/rtrave/done", "ss", (ADDRESS, requested.name))

    def report_loss(self) -> None:
        """Take note that the audio process is gone: the next one plays the old model."""
        if self._loading is not None:
            self._loading = None
            self._fail("the audio process ended while it was loaded: the old model plays")

    def _fail(self, why: str) -> None:
        self._discard_memory()
        self._preparation.finish()
        self._announce("/rtrave/error", "ssis", (ADDRESS, "denied", 0, " ".join(why.split())[:200]))
