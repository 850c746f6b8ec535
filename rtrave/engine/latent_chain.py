"""The latent chain: edits of each latent frame by the controls, in this order.

Outside stream, dims, source B, trajectory, scale, bias, LFO, noise, override, mute, hold, smooth, limit. With
everything at its default the latents come out bit for bit. In the audio process: the thread that runs
the hop; small temporaries only.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from rtrave.control.parameter import FIRST_CLIP
from rtrave.control.vector import Layout
from rtrave.edits import HARD_LIMIT, interleave, lfo, morph, smoothing
from rtrave.engine.trajectory import SPHERICAL, Trajectory

FADE_S = 0.1  # of the fade from a stopped outside stream to the encoder's latents
# kind, latent-frame index, shape -> float32 array of normal draws
Draw = Callable[[str, int, tuple[int, ...]], np.ndarray]
OFF = -9.0  # stands in the state for a value that is not known yet
# While these are at their defaults nothing is edited, whatever the others are.
EDITING = (
    *("z/mix", "dims", "source/slot", "trajectory/record", "trajectory/play", "trajectory/amount"),
    *("latent/scale", "latent/bias", "latent/lfo/shape", "latent/noise", "noise"),
    *("latent/override", "latent/mute", "latent/hold", "latent/smooth"),
)


class LatentChain:
    """The edits of one stream, with their state from frame to frame.

    Parameters
    ----------
    layout : Layout
    latent_pca, latent_mean : float32 [D, D], [D]
        Full to compressed space: PCA (z - mean).
    latent_rate_hz : float
    clips : sequence of float32 [D, N]
        Latents in the full space that source B can play; more may be added while playing.
    """

    def __init__(
        self,
        layout: Layout,
        latent_pca: np.ndarray,
        latent_mean: np.ndarray,
        latent_rate_hz: float,
        clips: Sequence[np.ndarray] = (),
    ) -> None:
        self.layout, self.clips = layout, list(clips)
        self.second: np.ndarray | None = None  # the second input's latents of this hop, float32 [D, N], full space
        self.trajectory = Trajectory(layout.dims, latent_rate_hz)
        self._pca, self._mean, self._rate_hz = latent_pca, latent_mean, latent_rate_hz
        slots = np.arange(layout.size)
        self._editing = np.concatenate([slots[layout.slots[name]] for name in EDITING])
        self._identity = layout.defaults()[self._editing]
        self._idle: np.ndarray | None = None  # controls under which frames stay unedited
        self.state = self._fresh()

    def _fresh(self) -> dict[str, np.ndarray]:
        dims = self.layout.dims
        return {
            "phase": np.full(dims, OFF),  # of each LFO, in cycles
            "turn": np.full(dims, OFF),  # number of the cycle that it is in
            "random": np.zeros(dims, np.float32),
            "held": np.zeros(dims, np.float32),
            "smoothed": np.zeros(dims, np.float32),
            "space": np.array(OFF),  # the latent space that held and smoothed are in
            "outside": np.array([OFF, 0.0, 0.0]),  # count of the newest frame, its age in frames, its weight
            "source": np.array([0.0, 0.0]),  # slot of source B, and the latent frame at which it was chosen
        }

    def reset(self) -> None:
        """Return to the state before the first frame; a recorded path stays."""
        self._idle = None
        self.state = self._fresh()
        self.trajectory.stop()

    def process(self, z: np.ndarray, controls: np.ndarray, latent_frame: int, draw: Draw) -> np.ndarray:
        """Edit the latents of one hop.

        Parameters
        ----------
        z : float32 [D, N]
            Full space.
        controls : float64 [N, layout.size]
            For each latent frame.
        latent_frame : int
            Index of the first.
        draw : callable
            The noise source.

        Returns
        -------
        float32 [D, N]
            Full space, finite where z is; `z` itself where nothing is edited.
        """
        if self._idle is not None and (controls == self._idle).all():
            return self._unedited(z)
        self._idle = None
        edited = z
        for n in range(z.shape[1]):
            second = None if self.second is None else self.second[:, n]
            moved = self._frame(z[:, n], controls[n], latent_frame + n, draw, second)
            if moved is not None:
                edited = z.copy() if edited is z else edited
                edited[:, n] = moved
        # The state no longer changes while nothing is edited; only the outside stream may still fade away.
        if np.array_equal(controls[-1, self._editing], self._identity) and not self.state["outside"][2]:
            self._idle = controls[-1].copy()
        return edited

    def _unedited(self, z: np.ndarray) -> np.ndarray:
        """Update the state by a hop that nothing edits, as `_frame` would, in a twentieth of the time."""
        state, last = self.state, z[:, -1]
        state["outside"][1] += z.shape[1]
        state["held"][...] = state["smoothed"][...] = last if state["space"] > 0 else self._to_components(last)
        return z

    def _frame(
        self, z: np.ndarray, controls: np.ndarray, frame: int, draw: Draw, second: np.ndarray | None
    ) -> np.ndarray | None:
        """Edit one latent frame [D], full space; None where nothing is edited."""
        get = _Reader(controls, self.layout)
        full = get.one("space") > 0
        z_in = z if full else self._to_components(z)
        edited = self._outside(z_in, get)
        edited = self._cut(edited, get, full, frame, draw)
        edited = self._second_source(edited, get, full, frame, second)
        edited = self._follow_path(edited, get, full)
        edited = edited * get.each("latent/scale") + get.each("latent/bias")
        edited = self._modulated(edited, get, frame, draw)
        jitter = get.each("latent/noise") + get.each("noise")
        if jitter.any():
            edited = edited + jitter * draw("jitter", frame, (1, len(z)))[0]
        override = get.each("latent/override")
        if override.any():
            edited = morph(edited, get.each("latent/value"), override)
        edited = np.where(get.each("latent/mute") > 0, np.float32(0), edited)
        edited = self._remembered(edited, get, full)
        # An input beyond the limit may stay there, but the edits move it no further out.
        bound = np.maximum(np.abs(z_in), np.float32(HARD_LIMIT))
        edited = np.clip(edited, -bound, bound)
        if np.array_equal(edited, z_in):
            return None
        if full:
            return edited
        moved: np.ndarray = z + self._pca.T @ (edited - z_in)
        return moved

    def _to_components(self, z: np.ndarray) -> np.ndarray:
        components: np.ndarray = self._pca @ (z - self._mean)
        return components

    def _outside(self, z: np.ndarray, get: _Reader) -> np.ndarray:
        """Mix with the stream from outside, which fades away when it stops."""
        count, age, weight = self.state["outside"].tolist()
        newest = get.one("z/count")
        if newest != count:
            weight = float(count != OFF)  # a run may begin with any count, which is no new frame
            count, age = newest, 0.0
        else:
            age += 1.0
            if age > get.one("z/timeout") * self._rate_hz:
                weight = max(weight - 1 / (FADE_S * self._rate_hz), 0.0)
        self.state["outside"][...] = count, age, weight
        mix = get.one("z/mix") * weight
        return morph(z, get.each("z/frame"), mix) if mix else z

    def _cut(self, edited: np.ndarray, get: _Reader, full: bool, frame: int, draw: Draw) -> np.ndarray:
        """Keep the first `dims` components and fill the others with noise, drawn as offline decoding draws it."""
        dims, cut = len(edited), int(get.one("dims"))
        if cut >= dims:
            return edited
        filled = get.each("fill") * draw("fill", frame, (1, dims - cut))[0]
        if not full:
            return np.concatenate((edited[:cut], filled))
        components = self._to_components(edited)
        moved: np.ndarray = edited + self._pca[cut:].T @ (filled - components[cut:])
        return moved

    def _second_source(
        self, edited: np.ndarray, get: _Reader, full: bool, frame: int, second: np.ndarray | None
    ) -> np.ndarray:
        slot, mix = int(get.one("source/slot")), get.one("source/mix")
        if slot != self.state["source"][0]:
            self.state["source"][...] = slot, frame
        clip = slot - FIRST_CLIP
        if 0 <= clip < len(self.clips):
            latents = self.clips[clip]
            second = latents[:, int(frame - self.state["source"][1]) % latents.shape[1]]
        if not slot or not mix or second is None:
            return edited
        other = second if full else self._to_components(second)
        if get.one("source/mode"):
            return interleave(edited[:, None], other[:, None], mix)[:, 0]
        return morph(edited, other, mix)

    def _follow_path(self, edited: np.ndarray, get: _Reader, full: bool) -> np.ndarray:
        recording = get.one("trajectory/record") > 0
        shape = int(get.one("trajectory/shape"))
        if recording and not full:
            self.trajectory.record(self._pca.T @ edited + self._mean, True)
        else:
            self.trajectory.record(edited, recording)
        play, loop = get.one("trajectory/play") > 0, get.one("trajectory/loop") > 0
        point = self.trajectory.play(play, loop, shape, get.one("trajectory/speed"))
        amount = get.one("trajectory/amount")
        if point is None or not amount:
            return edited
        if shape != SPHERICAL and not full:
            point = self._to_components(point)
        return morph(edited, point, amount)

    def _modulated(self, edited: np.ndarray, get: _Reader, frame: int, draw: Draw) -> np.ndarray:
        """Add the LFOs. Those that are switched on in one packet start together, from their phase."""
        state, shape = self.state, get.each("latent/lfo/shape").astype(np.int64)
        off = shape == 0
        if off.all():
            state["phase"][...] = state["turn"][...] = OFF
            return edited
        run = np.where(state["phase"] == OFF, 0.0, state["phase"])
        phase = run + get.each("latent/lfo/phase") / 360.0
        turn = np.floor(phase)
        begun = turn != state["turn"]
        if begun.any():
            state["random"][begun] = (2 * draw("lfo", frame, (1, len(edited)))[0] - 1)[begun]
        moved = edited + get.each("latent/lfo/depth") * lfo(shape, phase, state["random"])
        state["turn"][...] = np.where(off, OFF, turn)
        state["phase"][...] = np.where(off, OFF, run + get.each("latent/lfo/rate") / self._rate_hz)
        return np.where(off, edited, moved.astype(np.float32))

    def _remembered(self, edited: np.ndarray, get: _Reader, full: bool) -> np.ndarray:
        """Hold, then smooth; both restart where the space changes."""
        state = self.state
        if state["space"] != full:
            state["space"][...] = full
            state["held"][...] = state["smoothed"][...] = edited
        edited = np.where(get.each("latent/hold") > 0, state["held"], edited)
        state["held"][...] = edited
        smooth_ms = get.each("latent/smooth")
        if smooth_ms.any():
            share = smoothing(smooth_ms, self._rate_hz)
            edited = morph(state["smoothed"], edited, share)
        state["smoothed"][...] = edited
        return edited

    def snapshot(self) -> dict[str, np.ndarray]:
        """Return a copy of everything the next frame depends on, by name; not the clips."""
        own = {name: array.copy() for name, array in self.state.items()}
        return own | {f"trajectory.{name}": array for name, array in self.trajectory.snapshot().items()}

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Put a snapshot back."""
        self._idle = None
        for name, array in self.state.items():
            array[...] = state[name]
        self.trajectory.restore({name: state[f"trajectory.{name}"] for name in ("path", "place")})


class _Reader:
    """Reads the controls of one latent frame by the key of their slots."""

    def __init__(self, controls: np.ndarray, layout: Layout) -> None:
        self._controls, self._slots = controls, layout.slots
        self._numbers = controls.astype(np.float32)

    def each(self, key: str) -> np.ndarray:
        """Return one number per dimension, float32 [D]; [1] of a control with one number for all."""
        return self._numbers[self._slots[key]]

    def one(self, key: str) -> float:
        """Return the number of a control with one number for all."""
        return float(self._controls[self._slots[key].start])
