"""What a model's latents do for real sounds: mean, deviation and percentiles of each dimension. Needs no torch."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rtrave.control.kept import calibration_path, write_whole
from rtrave.control.namespace import Controls
from rtrave.control.vector import Vector
from rtrave.errors import RtraveError

FORMAT, VERSION = "rtrave-calibration", 1
PERCENTILES = (1, 5, 50, 95, 99)
SPACES = ("compressed", "full")
NARROWEST = 0.2  # of a range: a dimension that does not move needs a fader that can be held
MAX_GATHERED = 20_000  # latent frames kept while listening; of a longer time every second one, and so on


@dataclass(frozen=True, eq=False)
class Statistics:
    """Of the dimensions in one space; all float64 [D], percentiles [5, D]."""

    mean: Vector
    std: Vector
    percentiles: Vector

    @property
    def range(self) -> tuple[Vector, Vector]:
        """From the first to the 99th percentile, not narrower than `NARROWEST`."""
        low, high = self.percentiles[0], self.percentiles[-1]
        wider = np.maximum(NARROWEST - (high - low), 0) / 2
        return low - wider, high + wider


@dataclass(frozen=True, eq=False)
class Calibration:
    """Statistics of a model's latents.

    Attributes
    ----------
    model_hash : str
    seconds : float
        Of sound that was listened to.
    sources : tuple of str
        Names of the files, or "live input".
    spaces : dict
        "compressed" and "full" to `Statistics`.
    """

    model_hash: str
    seconds: float
    sources: tuple[str, ...]
    spaces: dict[str, Statistics]


def statistics(z: np.ndarray) -> Statistics:
    """Of latents float32 [D, N]."""
    wide = np.asarray(z, np.float64)
    return Statistics(wide.mean(axis=1), wide.std(axis=1), np.percentile(wide, PERCENTILES, axis=1))


def learn(
    z: np.ndarray, pca: np.ndarray, mean: np.ndarray, model_hash: str, seconds: float, sources: Sequence[str]
) -> Calibration:
    """From latents in the full space, float32 [D, N], N >= 1; `pca` and `mean` lead to the compressed one."""
    components = pca @ (z - mean[:, None])
    spaces = {"compressed": statistics(components), "full": statistics(z)}
    return Calibration(model_hash, seconds, tuple(sources), spaces)


def calibrate(controls: Controls, calibration: Calibration) -> None:
    """Give the controls the ranges that their dimensions really have: for `norm` twins and surfaces.

    The manual value and the stream from outside reach from the first to the 99th percentile, the bias half of that way
    up and down. Hard limits stay. RtraveError where the calibration is of another number of dimensions.
    """
    slots = controls.layout.slots
    for space, name in enumerate(SPACES):
        found = calibration.spaces[name]
        if found.mean.shape != (controls.layout.dims,):
            raise RtraveError(
                f"a calibration of {len(found.mean)} dimensions for a model with {controls.layout.dims}: calibrate anew"
            )
        low, high = (np.clip(end, -10, 10) for end in found.range)
        for key in ("latent/value", "z/frame"):
            controls.low[space, slots[key]], controls.high[space, slots[key]] = low, high
        half = (high - low) / 2
        controls.low[space, slots["latent/bias"]], controls.high[space, slots["latent/bias"]] = -half, half


def to_json(calibration: Calibration) -> str:
    """As it is kept."""
    spaces = {
        name: {"mean": s.mean.tolist(), "std": s.std.tolist(), "percentiles": s.percentiles.tolist()}
        for name, s in calibration.spaces.items()
    }
    record = {
        "format": FORMAT,
        "version": VERSION,
        "model_hash": calibration.model_hash,
        "seconds": calibration.seconds,
        "sources": list(calibration.sources),
        "percentiles": list(PERCENTILES),
        "spaces": spaces,
    }
    return json.dumps(record, indent=1) + "\n"


def save(calibration: Calibration, path: Path) -> None:
    """Write it; RtraveError where the disk refuses."""
    write_whole(path, to_json(calibration))


def load(path: Path, model_hash: str) -> Calibration:
    """Read one; RtraveError where it is damaged or of another model."""
    try:
        record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if record["format"] != FORMAT or record["version"] != VERSION:
            raise ValueError("another format")
        if record["model_hash"] != model_hash:
            raise RtraveError(f"{path} is the calibration of another model: calibrate this one")
        spaces = {name: _read_statistics(record["spaces"][name]) for name in SPACES}
        return Calibration(model_hash, float(record["seconds"]), tuple(map(str, record["sources"])), spaces)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise RtraveError(f"{path} is no calibration ({error}): delete it, and calibrate anew") from error


def find(model_file: Path, name: str, model_hash: str, tell: Callable[[str], object]) -> Calibration | None:
    """The calibration of a model: the user's own, else the one beside the model's file; None where there is none.

    One that cannot be read is told, and left out.
    """
    beside = {f"{stem}.calibration.json" for stem in (model_file.name, model_file.stem)}
    for place in (calibration_path(name, model_hash), *(model_file.parent / file for file in sorted(beside))):
        if place.is_file():
            try:
                return load(place, model_hash)
            except RtraveError as error:
                tell(str(error))
    return None


def _read_statistics(record: dict[str, Any]) -> Statistics:
    arrays = [np.array(record[key], np.float64) for key in ("mean", "std", "percentiles")]
    dims = len(arrays[0])
    if [a.shape for a in arrays] != [(dims,), (dims,), (len(PERCENTILES), dims)] or not all(
        np.isfinite(a).all() for a in arrays
    ):
        raise ValueError("arrays of other shapes, or not finite")
    return Statistics(*arrays)


class Gatherer:
    """Latents of the live input, while they are asked for. One thread adds, another may take.

    Parameters
    ----------
    dims : int
    """

    def __init__(self, dims: int) -> None:
        self.begin_anew(dims)

    def begin_anew(self, dims: int) -> None:
        """Forget everything, for latents of so many dimensions, and do not listen. While nobody adds."""
        self._rows = np.zeros((MAX_GATHERED, dims), np.float32)
        self._count, self._every, self._skipped = 0, 1, 0
        self.frames = 0
        self.listening = False

    def begin(self) -> None:
        """Forget everything and listen."""
        self._count, self._every, self._skipped, self.frames = 0, 1, 0, 0
        self.listening = True

    def add(self, z: np.ndarray) -> None:
        """Latents float32 [D, N], full space; nothing while it does not listen."""
        if not self.listening:
            return
        for frame in z.T:
            self.frames += 1
            self._skipped += 1
            if self._skipped < self._every:
                continue
            self._skipped = 0
            if self._count == MAX_GATHERED:
                self._rows[: MAX_GATHERED // 2] = self._rows[::2]
                self._count, self._every = MAX_GATHERED // 2, 2 * self._every
            self._rows[self._count] = frame
            self._count += 1

    def end(self) -> np.ndarray:
        """What was gathered, float32 [D, N]; it no longer listens."""
        self.listening = False
        return self._rows[: self._count].T.copy()
