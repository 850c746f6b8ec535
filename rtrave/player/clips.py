"""Clips, sounds as second source: encoded while the model plays, then sent to the audio process. Control process."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np

from rtrave.control.instrument import INPUT2, SOURCE_B, second_slot
from rtrave.control.namespace import Controls
from rtrave.control.parameter import FIRST_CLIP
from rtrave.errors import ControlError, RtraveError
from rtrave.streaming.sound_latents import encode_sound

LIMIT_S = 600.0
ENDINGS = (".wav", ".flac", ".aif", ".aiff", ".ogg", ".mp3")


def known_clips(folder: Path) -> dict[str, Path]:
    """Return the sound files of a folder by their names without ending; of two with one name the first one."""
    try:
        files = sorted(path for path in folder.iterdir() if path.suffix.lower() in ENDINGS and path.is_file())
    except OSError:
        return {}
    return {path.stem: path for path in reversed(files)}


class Clips:
    """The clips of a folder, chosen by name and encoded once.

    Parameters
    ----------
    folder : Path
        Folder of the sounds. Clients name files in it, and never a path.
    graph : Path
        Folder of the compiled graph of the model that plays.
    work : Path
        Folder of the latents that the audio process reads.
    controls : Controls
    hand_over : callable
        (paths) -> None: sends the audio process the files of all clips so far.
    submit : callable
        Calls a function on the OSC server's thread.
    note : callable
        (text) -> None: shows a note to the user; any thread.
    second_input : bool
        The run has a second input.
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
        """Return the number of a clip or of the second input; None for a clip that will be set when it is encoded.

        OSC server's thread.

        Raises
        ------
        ControlError
            `bad-name` for an unknown clip, `denied` for a second input that the run does not have.
        """
        if name == INPUT2:
            return second_slot(self._second_input)
        clips = known_clips(self._folder)
        if name not in clips:
            expected = f"one of {', '.join(list(clips)[:8])}" if clips else f"a sound file in '{self._folder}'"
            raise ControlError("bad-name", f"clip: expected {expected}, got {name[:40]!r}", 0)
        if name in self._slots:
            return self._slots[name]
        threading.Thread(target=self._encode, args=(name, clips[name]), name="clip", daemon=True).start()
        return None

    def adopt_graph(self, graph: Path) -> None:
        """Discard all clips for another model, and set the second source to off. Main thread."""
        with self._lock:
            self._graph = graph
            self._slots.clear()
            self._paths.clear()
            self._hand_over([])
        self._submit(self._set_off)

    def _set_off(self) -> None:
        """Set the second source to off. OSC server's thread."""
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
                self._count += 1  # a new name each time: the audio process may still read a clip of the last model
                file = self._work / f"clip-{self._count}.npy"
                np.save(file, latents)
                self._paths.append(str(file))
                self._hand_over(self._paths)
                self._slots[name] = FIRST_CLIP + len(self._paths) - 1
        self._submit(lambda: self._set(name))

    def _set(self, name: str) -> None:
        """Set an encoded clip as second source, unless the client chose another one meanwhile. OSC server's thread."""
        if self._controls.macros[SOURCE_B] == (name,) and name in self._slots:
            self._controls.values[self._controls.layout.slots["source/slot"]] = self._slots[name]
            self._note(f"clip {name} is ready")
