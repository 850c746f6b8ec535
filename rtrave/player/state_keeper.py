"""Keeps what was played with a model for its next run: last controls and snapshots. Control process, main thread."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from rtrave.control.instrument import Instrument
from rtrave.control.persisted import load_state, save_state
from rtrave.errors import RtraveError

PERIOD_S = 2.0


class StateKeeper:
    """Saves an instrument when it has changed, and not too often.

    Parameters
    ----------
    instrument : Instrument
        Read while the OSC server's thread changes it: each look takes copies.
    path : Path or None
        None keeps nothing.
    tell : callable
        Told once, in words, where the disk refuses.
    """

    def __init__(self, instrument: Instrument, path: Path | None, tell: Callable[[str], object]) -> None:
        self._instrument, self._path, self._tell = instrument, path, tell
        self._saved = self._fingerprint()
        self._next_s = 0.0

    def adopt(self, path: Path) -> None:
        """Keep what is played for another model from here on, whose own snapshots come back where their names are free.

        On the OSC server's thread, the main thread waiting.
        """
        if self._path is None:
            return
        instrument, self._path = self._instrument, path
        here, macros = dict(instrument.snapshots), dict(instrument.controls.macros)
        for note in load_state(instrument, path, with_controls=False):
            self._tell(note)
        instrument.snapshots |= here
        instrument.controls.macros |= {name: told for name, told in macros.items() if any(told)}
        self._saved = ()

    def poll(self, now_s: float) -> None:
        """Save what has changed since the last time, where that is some seconds ago."""
        if now_s >= self._next_s:
            self._next_s = now_s + PERIOD_S
            self.save()

    def save(self) -> None:
        """Save now, where anything has changed."""
        seen = self._fingerprint()
        if self._path is None or seen == self._saved:
            return
        self._saved = seen
        try:
            save_state(self._instrument, self._path)
        except RtraveError as error:
            self._path = None
            self._tell(f"controls and snapshots will not be kept: {error}")

    def _fingerprint(self) -> tuple[object, ...]:
        instrument = self._instrument
        snapshots = tuple((name, id(values)) for name, values in dict(instrument.snapshots).items())
        kept = instrument.controls.values[instrument.controls.layout.persisted()]
        return kept.tobytes(), snapshots, tuple(instrument.controls.macros.values())
