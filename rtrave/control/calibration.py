"""Calibration: statistics of a model's latents for real sounds, and the ranges that they give the controls."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from rtrave.control.namespace import Controls
from rtrave.control.persisted import calibration_path, write_whole
from rtrave.control.vector import Vector
from rtrave.errors import RtraveError

FORMAT, VERSION = "rtrave-calibration", 1
PERCENTILES = (1, 5, 50, 95, 99)
NARROWEST = 0.2  # of a range: the fader of a dimension that does not move needs some length, too
MAX_GATHERED = 20_000  # latent frames; of a longer recording every second frame, then every fourth, and so on

Space = Literal["compressed", "full"]
SPACES: tuple[Space, ...] = ("compressed", "full")  # in the order of /rtrave/space
Latents = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Statistics:
    """Statistics of the dimensions of one space: float64 [D], percentiles [5, D]."""

    mean: Vector
    std: Vector
    percentiles: Vector

    @property
    def range(self) -> tuple[Vector, Vector]:
        """The 1st and the 99th percentile, at least `NARROWEST` apart."""
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
        Duration of the sound.
    sources : tuple of str
        Names of the files, or "live input".
    spaces : dict
        Statistics by space.
    """

    model_hash: str
    seconds: float
    sources: tuple[str, ...]
    spaces: dict[Space, Statistics]


def statistics(z: Latents) -> Statistics:
    """Return the statistics of latents, float32 [D, N]."""
    wide = np.asarray(z, np.float64)
    return Statistics(wide.mean(axis=1), wide.std(axis=1), np.percentile(wide, PERCENTILES, axis=1))


def learn(
    z: Latents, pca: np.ndarray, mean: np.ndarray, model_hash: str, seconds: float, sources: Sequence[str]
) -> Calibration:
    """Return the calibration that latents give.

    Parameters
    ----------
    z : float32 [D, N]
        Latents in the full space, N >= 1.
    pca : float32 [D, D]
    mean : float32 [D]
        The compressed space is `pca @ (z - mean)`.
    model_hash, seconds, sources
        As in `Calibration`.
    """
    components = pca @ (z - mean[:, None])
    spaces: dict[Space, Statistics] = {"compressed": statistics(components), "full": statistics(z)}
    return Calibration(model_hash, seconds, tuple(sources), spaces)


def calibrate(controls: Controls, calibration: Calibration) -> None:
    """Set the ranges of the controls to those of their dimensions, for `norm` aliases and surfaces.

    The manual value and the external stream range from the 1st to the 99th percentile, the bias over half of that in
    either direction. The hard limits stay.

    Raises
    ------
    RtraveError
        Where the calibration has another number of dimensions.
    """
    slots = controls.layout.slots
    for space, name in enumerate(SPACES):
        found = calibration.spaces[name]
        if found.mean.shape != (controls.layout.dims,):
            raise RtraveError(
                f"calibration: expected {controls.layout.dims} dimensions, got {len(found.mean)}: "
                "run `rtrave calibrate` again"
            )
        low, high = (np.clip(end, -10, 10) for end in found.range)
        for key in ("latent/value", "z/frame"):
            controls.low[space, slots[key]], controls.high[space, slots[key]] = low, high
        half = (high - low) / 2
        controls.low[space, slots["latent/bias"]], controls.high[space, slots["latent/bias"]] = -half, half


def to_json(calibration: Calibration) -> str:
    """Return the text of a calibration file."""
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
    """Write a calibration file; RtraveError where the disk refuses."""
    write_whole(path, to_json(calibration))


def load(path: Path, model_hash: str) -> Calibration:
    """Read a calibration file; RtraveError where it is damaged or belongs to another model."""
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        if record["format"] != FORMAT or record["version"] != VERSION:
            raise ValueError("unknown format or version")
        if record["model_hash"] != model_hash:
            raise RtraveError(f"'{path}' is the calibration of another model: calibrate this one")
        spaces = {name: _read_statistics(record["spaces"][name]) for name in SPACES}
        return Calibration(model_hash, float(record["seconds"]), tuple(map(str, record["sources"])), spaces)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise RtraveError(f"'{path}' is not a calibration ({error}): delete it, and calibrate again") from error


def find(model_file: Path, name: str, model_hash: str, report: Callable[[str], object]) -> Calibration | None:
    """Return the calibration of a model: the user's own, else the one beside the model's file; None without one.

    Parameters
    ----------
    model_file : Path
    name, model_hash : str
    report : callable
        Called with the error of a calibration that cannot be read and is skipped.
    """
    beside = {f"{stem}.calibration.json" for stem in (model_file.name, model_file.stem)}
    for path in (calibration_path(name, model_hash), *(model_file.parent / file for file in sorted(beside))):
        if path.is_file():
            try:
                return load(path, model_hash)
            except RtraveError as error:
                report(str(error))
    return None


def _read_statistics(record: Mapping[str, object]) -> Statistics:
    arrays = [np.array(record[key], np.float64) for key in ("mean", "std", "percentiles")]
    dims = len(arrays[0])
    if [a.shape for a in arrays] != [(dims,), (dims,), (len(PERCENTILES), dims)]:
        raise ValueError(f"expected arrays of {dims} numbers, got others")
    if not all(np.isfinite(a).all() for a in arrays):
        raise ValueError("expected finite numbers, got others")
    return Statistics(*arrays)


class Gatherer:
    """Latents of the live input, collected while active. One thread adds, another one starts and finishes.

    Parameters
    ----------
    dims : int

    Attributes
    ----------
    active : bool
    frames : int
        Latent frames that were added since `start`.
    """

    def __init__(self, dims: int) -> None:
        self.reset(dims)

    def reset(self, dims: int) -> None:
        """Discard the collected latents, stop, and make room for `dims` dimensions. Only while nobody adds."""
        self._rows = np.zeros((MAX_GATHERED, dims), np.float32)
        self._count, self._every, self._skipped = 0, 1, 0
        self.frames = 0
        self.active = False

    def start(self) -> None:
        """Discard the collected latents, and start to collect."""
        self._count, self._every, self._skipped, self.frames = 0, 1, 0, 0
        self.active = True

    def add(self, z: Latents) -> None:
        """Add latents in the full space, float32 [D, N]; do nothing while inactive."""
        if not self.active:
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

    def finish(self) -> Latents:
        """Become inactive; return the collected latents, float32 [D, N]."""
        self.active = False
        return self._rows[: self._count].T.copy()
