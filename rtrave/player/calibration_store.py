"""Persist the calibration that is learned from the live input. Control process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from rtrave.backends.facts import ModelFacts
from rtrave.control.calibration import Calibration, save
from rtrave.control.persisted import calibration_path
from rtrave.errors import RtraveError


class CalibrationStore:
    """Store of the calibrations of the model that plays.

    Parameters
    ----------
    path : Path or None
        File for the model that plays first; None persists nothing, for later models neither.
    note : callable
        (text) -> None; any thread.
    """

    def __init__(self, path: Path | None, note: Callable[[str], object]) -> None:
        self._path, self._note = path, note

    def adopt(self, model: ModelFacts) -> None:
        """Change to another model. OSC thread."""
        if self._path is not None:
            self._path = calibration_path(model.spec.name, model.model_hash)

    def save(self, calibration: Calibration) -> None:
        """Write a calibration, and say so. Any thread."""
        try:
            if self._path is not None:
                save(calibration, self._path)
            self._note(f"calibrated from {calibration.seconds:.0f} s of the live input")
        except RtraveError as error:
            self._note(f"the calibration is in use, but not saved: {error}")
