"""Sounds as second source: encoded beside the sound that plays, then handed to the audio process. Control process."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np

from rtrave.control.instrument import INPUT2, SOURCE_B, second_slot
from rtrave.control.namespace import Controls
from rtrave.control.parameter import FIRST_CLIP
from rtrave.engine.sound_latents import encode_sound
from rtrave.errors import ControlError, RtraveError

LIMIT_S = 600.0
ENDINGS = (".wav", ".flac", ".aif", ".aiff", ".ogg", ".mp3")


def known_clips(folder: Path) -> dict[str, Path]:
    """Sound files of a folder by their names without ending; of two with one name the first one."""
    try:
        files = sorted(path for path in folder.iterdir() if path.suffix.lower() in ENDINGS and path.is_file())
    except OSError:
        return {}
    return {path.stem: path for path in reversed(files)}


class Clips:
    """Chooses clips by name; each is encoded once.

    Parameters
    ----------
    folder : Path
        Where the sounds are. Names come from the network, paths never do.
    graph : Path
        Folder of the compiled graph.
    work : Path
        Where latents are put for the audio process.
    controls : Controls
    hand_over : callable
        (paths) -> None: tells the audio process all clips so far.
    submit : callable
        Has something done on the OSC server's thread.
    note : callable
        (text) -> None; any thread.
    second_input : bool
        Whether there is one.
    """

    def __init__(
        self,
        folder: Path,
        graph: Path,
        work: Path,
        controls: Controls,
        hand_over: Callable[[list[str]], object],
        submit: Callable[[Callable[[], object]], object],
        note: Callable[[str], object],
        second_input: bool = False,
    ) -> None:
        self._folder, self._graph, self._work, self._controls = folder, graph, work, controls
        self._hand_over, self._submit, self._note = hand_over, submit, note
        self._second_input = second_input
        self._slots: dict[str, int] = {}
        self._paths: list[str] = []
        self._count = 0
        self._lock = threading.Lock()

    def choose(self, name: str) -> int | None:
        """The slot of a clip or of the second input; None: a clip is being encoded, and will be set when it is.

        OSC thread. ControlError `bad-name` for a clip that is not there, `denied` for a second input that is not.
        """
        if name == INPUT2:
            return second_slot(self._second_input)
        clips = known_clips(self._folder)
        if name not in clips:
            known = ", ".join(list(clips)[:8]) or "none"
            raise ControlError("bad-name", f"no clip {name[:40]!r}: {self._folder} has {known}", 0)
        if name in self._slots:
            return self._slots[name]
        threading.Thread(target=self._encode, args=(name, clips[name]), name="clip", daemon=True).start()
        return None

    def adopt_graph(self, graph: Path) -> None:
        """Another model plays: no clip is chosen, and each is encoded again when it is wanted. Main thread."""
        with self._lock:
            self._graph = graph
            self._slots.clear()
            self._paths.clear()
            self._hand_over([])
        self._submit(self._set_off)

    def _set_off(self) -> None:
        """OSC thread."""
        self._controls.macros[SOURCE_B] = ("off",)
        self._controls.values[self._controls.layout.slots["source/slot"]] = 0

    def _encode(self, name: str, path: Path) -> None:
        graph = self._graph
        try:
            latents = encode_sound(graph, path, limit_s=LIMIT_S)
        except RtraveError as error:
            self._note(f"clip {name}: {error}")
            return
        with self._lock:
            if graph != self._graph:  # another model plays by now
                return
            if name not in self._slots:
                self._count += 1  # of another model's clips some may still be read
                file = self._work / f"clip-{self._count}.npy"
                np.save(file, latents)
                self._paths.append(str(file))
                self._hand_over(self._paths)
                self._slots[name] = FIRST_CLIP + len(self._paths) - 1
        self._submit(lambda: self._set(name))

    def _set(self, name: str) -> None:
        """OSC thread: unless something else was chosen meanwhile."""
        if self._controls.macros[SOURCE_B] == (name,) and name in self._slots:
            self._controls.values[self._controls.layout.slots["source/slot"]] = self._slots[name]
            self._note(f"clip {name} is there")
