"""Trajectories in the latent space: a recorded path, or a turn on a sphere, at any speed. See docs/latent.md."""

from __future__ import annotations

import numpy as np

from rtrave.edits import spherical_point

RECORDED_S = 60.0  # the longest path; later frames are not recorded
TURN_S = 10.0  # of the spherical path at speed 1
RECORDED, SPHERICAL = 0, 1


class Trajectory:
    """One recorded path and a place on it. The constructor allocates all memory.

    Parameters
    ----------
    dims : int
    latent_rate_hz : float
    """

    def __init__(self, dims: int, latent_rate_hz: float) -> None:
        self._turn_frames = TURN_S * latent_rate_hz
        self._path = np.zeros((max(round(RECORDED_S * latent_rate_hz), 1), dims), np.float32)
        self._path.fill(0)  # touch every page now, so that playing allocates none
        self._length = 0
        self._recording = self._playing = False
        self._place = 0.0

    def record(self, z: np.ndarray, on: bool) -> None:
        """Record one latent frame, float32 [D], full space, while `on`; a new path begins where `on` begins."""
        if on and not self._recording:
            self._length = 0
        self._recording = on
        if on and self._length < len(self._path):
            self._path[self._length] = z
            self._length += 1

    def play(self, on: bool, loop: bool, shape: int, speed: float) -> np.ndarray | None:
        """Return the next point, float32 [D]: full space for a recorded path, the addressed space for the sphere.

        None while nothing plays. A path that does not loop stays at its end; the spherical path always loops.
        """
        began, self._playing = on and not self._playing, on
        length = self._length if shape == RECORDED else self._turn_frames
        if not on or not length:
            return None
        last = length - 1 if shape == RECORDED else length
        if began:
            self._place = 0.0 if speed >= 0 else float(last)
        place = self._place
        if loop or shape == SPHERICAL:
            place %= length
            self._place = (place + speed) % length
        else:
            place = min(max(place, 0.0), float(last))
            self._place = min(max(place + speed, 0.0), float(last))
        if shape == SPHERICAL:
            return spherical_point(self._path.shape[1], place / length)
        return self._between(place)

    def _between(self, place: float) -> np.ndarray:
        index = min(int(place), self._length - 1)
        share = np.float32(place - index)
        here, there = self._path[index], self._path[(index + 1) % self._length]
        return here + share * (there - here)

    def stop(self) -> None:
        """Return to the state before the first frame; the path stays."""
        self._recording = self._playing = False
        self._place = 0.0

    def snapshot(self) -> dict[str, np.ndarray]:
        """Return a copy of the path and the place on it."""
        flags = np.array([self._recording, self._playing, self._place], np.float64)
        return {"path": self._path[: self._length].copy(), "place": flags}

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Put a snapshot back."""
        self._length = len(state["path"])
        self._path[: self._length] = state["path"]
        recording, playing, self._place = state["place"].tolist()
        self._recording, self._playing = bool(recording), bool(playing)
