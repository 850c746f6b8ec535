"""Saves the controls and snapshots of a model for its next run. Control process, main thread."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from rtrave.control.instrument import Instrument
from rtrave.control.persisted import load_state, save_state
from rtrave.errors import RtraveError

PERIOD_S = 2.0


class StateKeeper:
    """Saves the controls and snapshots when they have changed, at most every 2 s.

    Parameters
    ----------
    instrument : Instrument
        The OSC server's thread may change it meanwhile, so that each look takes copies.
    path : Path or None
        The state file; None saves nothing.
    report : callable
        (text) -> None: called once where the disk refuses.
    """

    def __init__(self, instrument: Instrument, path: Path | None, report: Callable[[str], object]) -> None:
        self._instrument, self._path, self._report = instrument, path, report
        self._saved = self._fingerprint()
        self._next_s = 0.0

    def adopt(self, path: Path) -> None:
        """Save for another model from here on, and add its own snapshots where their names are free.

        The OSC server's thread calls this while the main thread waits.
        """
        if self._path is None:
            return
        instrument, self._path = self._instrument, path
        snapshots, macros = dict(instrument.snapshots), dict(instrument.controls.macros)
        for note in load_state(instrument, path, with_controls=False):
            self._report(note)
        instrument.snapshots |= snapshots
        instrument.controls.macros |= {name: values for name, values in macros.items() if any(values)}
        self._saved = ()

    def poll(self, now_s: float) -> None:
        """Save what has changed, if the last look was 2 s ago."""
        if now_s >= self._next_s:
            self._next_s = now_s + PERIOD_S
            self.save()

    def save(self) -> None:
        """Save what has changed now."""
        seen = self._fingerprint()
        if self._path is None or seen == self._saved:
            return
        self._saved = seen
        try:
            save_state(self._instrument, self._path)
        except RtraveError as error:
            self._path = None
            self._report(f"controls and snapshots are not saved from here on: {error}")

    def _fingerprint(self) -> tuple[object, ...]:
        instrument = self._instrument
        snapshots = tuple((name, id(values)) for name, values in dict(instrument.snapshots).items())
        persisted = instrument.controls.values[instrument.controls.layout.persisted()]
        return persisted.tobytes(), snapshots, tuple(instrument.controls.macros.values())
