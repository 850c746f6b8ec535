"""Glides: controls that move to new values over some seconds, one step per latent frame.

The control process writes the target, the time and a count of glides into the control vector; the engine moves the
controls. So the recorded vectors are enough to repeat a glide bit for bit.
"""

from __future__ import annotations

import numpy as np

from rtrave.control.vector import Layout, Vector


class Glide:
    """Moves a control vector to its target. One thread.

    Parameters
    ----------
    layout : Layout
    latent_rate_hz : float
    """

    def __init__(self, layout: Layout, latent_rate_hz: float) -> None:
        self._rate_hz = latent_rate_hz
        self._mask = layout.glides()
        self._time, self._count = (layout.slots[name].start for name in ("glide/time", "glide/count"))
        self.state: dict[str, np.ndarray] = {
            "now": layout.defaults(),  # the controls of the last latent frame
            "start": layout.defaults(),
            "target": layout.defaults(),
            "count": np.array(-1.0),  # of the last glide seen; -1 before the first frame
            "frames": np.array(0.0),  # length of the running glide
            "done": np.array(0.0),
        }

    def step(self, controls: Vector, into: np.ndarray) -> None:
        """Write the controls of the next latent frames, float64 [N, size], into `into`.

        A control that is set while it glides stops gliding and takes the value that was set.
        """
        state = self.state
        if controls[self._count] != state["count"]:
            known = state["count"] >= 0  # a run may begin with any count
            state["count"][...] = controls[self._count]
            state["frames"][...] = round(controls[self._time] * self._rate_hz) if known else 0
            state["done"][...] = 0
            state["start"][...] = state["now"]
            state["target"][...] = controls
        for vector in into:
            vector[...] = controls
            if state["done"] < state["frames"]:
                state["done"] += 1
                self._move(vector, float(state["done"] / state["frames"]))
        state["now"][...] = into[-1]

    def _move(self, vector: Vector, share: float) -> None:
        start, target = self.state["start"], self.state["target"]
        moving = self._mask & (vector == target) & (start != target)
        vector[moving] = start[moving] + share * (target[moving] - start[moving])

    def cancel(self) -> None:
        """End the running glide: every control takes its target."""
        self.state["frames"][...] = 0
