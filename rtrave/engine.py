"""The engine: one hop of audio in, one hop of audio out, with the latents edited in between.

Pure arithmetic on explicit state: no clock, device, thread or file. Playing live, rendering and replaying are this same
call under different drivers, so they give the same bits. Needs no torch.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rtrave.control.latent_chain import edit_components, wants_jitter
from rtrave.control.vector import Layout, make_layout
from rtrave.errors import RtraveError
from rtrave.model.latent_space import compress, draw_frames, seeded_noise
from rtrave.streaming.onnx_stream import OnnxParts
from rtrave.streaming.stream import Parts, Stream, make_stream

SILENT_DB = -70.0  # a gain at the bottom of its range is silence
LIMIT_CEILING = np.float32(10 ** (-0.1 / 20))  # -0.1 dBFS
LIMIT_RELEASE_S = 0.2  # from silence back to full gain
LIMIT_ATTACK_S = 0.002


@dataclass
class HopReport:
    """What one hop did; its arrays are made once and overwritten by each `process`.

    Attributes
    ----------
    x : float32 [C, hop]
        The input, NaN and infinities replaced by 0.
    z_in, z_out : float32 [D, N]
        Latents in the full space, before and after the controls.
    in_peak, in_rms, out_peak, out_rms : float
        Linear levels of `x` and of the output.
    nonfinite_in, nonfinite_out : int
        Samples that were NaN or infinite.
    """

    x: np.ndarray
    z_in: np.ndarray
    z_out: np.ndarray
    in_peak: float = 0.0
    in_rms: float = 0.0
    out_peak: float = 0.0
    out_rms: float = 0.0
    nonfinite_in: int = 0
    nonfinite_out: int = 0


@dataclass
class _Smoothed:
    """Where each ramped control stood at the end of the last hop."""

    in_gain: np.float32
    out_gain: np.float32
    wet: np.float32
    limiter: np.float32


def db_to_gain(level_db: float) -> np.float32:
    """Linear gain of a level in dB; -70 dB and less is silence."""
    return np.float32(0 if level_db <= SILENT_DB else 10 ** (level_db / 20))


def _ramp(start: np.float32, end: np.float32, samples: int) -> np.float32 | np.ndarray:
    """From just after `start` to `end` over one hop, float32 [samples]; the plain number where nothing moves."""
    if start == end:
        return end
    return np.linspace(start, end, samples + 1, dtype=np.float32)[1:]


def limit(y: np.ndarray, gain: np.float32, sample_rate: int) -> np.float32:
    """Hold |y| below the ceiling, in place; what never passes it is left bit for bit.

    The gain comes down over `LIMIT_ATTACK_S` before a peak as far as the hop allows (a peak at the very start of a
    hop is met at once), and goes up again over `LIMIT_RELEASE_S`. All channels share it.

    Parameters
    ----------
    y : float32 [C, T]
    gain : float32
        The gain at the end of the hop before.

    Returns
    -------
    float32
        The gain at the end of this hop.
    """
    needed = np.minimum(LIMIT_CEILING / np.maximum(np.abs(y).max(axis=0), LIMIT_CEILING), np.float32(1))
    if gain == 1 and needed.min() == 1:
        return gain
    index = np.arange(len(needed) + 1, dtype=np.float32)
    up, down = (np.float32(1 / (seconds * sample_rate)) for seconds in (LIMIT_RELEASE_S, LIMIT_ATTACK_S))
    curve = np.concatenate(([gain], needed))
    curve = np.minimum.accumulate(curve - index * up) + index * up
    curve = (np.minimum.accumulate(curve[::-1] - index * down) + index * down)[::-1]
    curve = np.minimum(curve[1:], needed)
    y *= curve
    np.clip(y, -LIMIT_CEILING, LIMIT_CEILING, out=y)  # the rounding of the product
    return np.float32(curve[-1])


class Engine:
    """Runs one stream of a model hop by hop under a vector of controls.

    Not thread-safe: one thread calls `process`. It allocates small temporaries only, waits for nothing, and raises
    nothing of its own for any float32 input.

    Parameters
    ----------
    parts : Parts
        A backend of batch 1.
    seed : int
        Of the noise source.
    """

    def __init__(self, parts: Parts, seed: int = 0) -> None:
        if parts.shape.batch != 1:
            raise RtraveError(f"an engine plays one stream, this one was made for {parts.shape.batch}")
        spec = parts.spec
        self.spec, self.model_hash = spec, parts.model_hash
        self.stream: Stream = make_stream(parts, seed)
        self.noise = seeded_noise(seed)
        self.hop, self.channels, self.sample_rate = self.stream.hop, spec.channels, spec.sample_rate
        self.dims, self.latent_frames = spec.full_latent_size, parts.shape.latent_frames
        self.layout: Layout = make_layout(self.dims)
        self.latent_frame = 0
        self.report = HopReport(
            np.zeros((self.channels, self.hop), np.float32),
            np.zeros((self.dims, self.latent_frames), np.float32),
            np.zeros((self.dims, self.latent_frames), np.float32),
        )
        self._dry = np.zeros((self.channels, spec.acoustic_delay + self.hop), np.float32)
        self._held = np.zeros((self.dims, 1), np.float32)
        self._smoothed: _Smoothed | None = None
        self._panics: float | None = None

    def process(self, x: np.ndarray, controls: np.ndarray, y: np.ndarray) -> None:
        """Play one hop.

        Parameters
        ----------
        x : float32 [C, hop]
            Input; NaN and infinities are taken as 0 and counted.
        controls : float64 [layout.size]
        y : float32 [C, hop]
            The output, written here: always finite, within -1 .. 1 while the limiter is on.
        """
        report = self.report
        np.copyto(report.x, x)
        report.nonfinite_in = _silence_nonfinite(report.x)
        target = self._targets(controls)
        before = self._smoothed or target
        if self._panics is not None and controls[self.layout.slots["panic"]][0] != self._panics:
            self.stream.reset()
        self._panics = float(controls[self.layout.slots["panic"]][0])

        with np.errstate(all="ignore"):  # overflow is found and counted below, a warning would print
            driven = report.x * _ramp(before.in_gain, target.in_gain, self.hop)
            dry = self._delayed(driven)
            self._play(driven, controls, y)
            wet = _ramp(before.wet, target.wet, self.hop)
            y *= wet
            y += dry * (np.float32(1) - wet)
            y *= _ramp(before.out_gain, target.out_gain, self.hop)
        report.nonfinite_out += _silence_nonfinite(y)  # a dry signal and a gain can still overflow
        gain = before.limiter
        if controls[self.layout.slots["out/limit"]][0] or gain < 1:
            gain = limit(y, gain, self.sample_rate)
        self._smoothed = _Smoothed(target.in_gain, target.out_gain, target.wet, gain)
        self.latent_frame += self.latent_frames
        report.in_peak, report.in_rms = _levels(report.x)
        report.out_peak, report.out_rms = _levels(y)

    def _targets(self, controls: np.ndarray) -> _Smoothed:
        """Where the ramped controls want to be at the end of this hop."""

        def value(name: str) -> float:
            return float(controls[self.layout.slots[name]][0])

        out_gain = np.float32(0) if value("silence") else db_to_gain(value("out/gain"))
        wet = np.float32(0 if value("bypass") else value("mix"))
        return _Smoothed(db_to_gain(value("in/gain")), out_gain, wet, np.float32(1))

    def _play(self, x: np.ndarray, controls: np.ndarray, y: np.ndarray) -> None:
        """Encode, edit, decode into `y`; a stream that gave NaN or infinity is silenced and started afresh."""
        report, parts = self.report, self.stream.parts
        mean, _ = parts.encode(x.T[None])
        report.z_in[...] = mean[0].T
        if controls[self.layout.slots["freeze"]][0]:
            report.z_out[...] = self._held
        else:
            report.z_out[...] = self._edited(report.z_in, controls)
            self._held[...] = report.z_out[:, -1:]
        y[...] = parts.decode(report.z_out.T[None])[0].T
        report.nonfinite_out = _silence_nonfinite(y)
        if report.nonfinite_out:
            y[...] = 0
            self.stream.reset()
            self._held[...] = 0

    def _edited(self, z: np.ndarray, controls: np.ndarray) -> np.ndarray:
        """Latents after the controls, full space. Edits of PCA components come back as a difference: none leaves z
        exact."""
        jitter = None
        if wants_jitter(controls, self.layout):
            jitter = draw_frames(self.noise, "jitter", self.latent_frame, (1, *z.shape))[0]
        if controls[self.layout.slots["space"]][0]:
            return edit_components(z, controls, self.layout, jitter)
        parts = self.stream.parts
        components = compress(z, parts.latent_pca, parts.latent_mean)
        edited = edit_components(components, controls, self.layout, jitter)
        moved: np.ndarray = z + parts.latent_pca.T @ (edited - components)
        return moved

    def _delayed(self, x: np.ndarray) -> np.ndarray:
        """The dry signal, late by the model's acoustic delay."""
        self._dry[:, : -self.hop] = self._dry[:, self.hop :].copy()
        self._dry[:, -self.hop :] = x
        return self._dry[:, : self.hop].copy()

    def reset(self) -> None:
        """Back to the silence before the first sample; the latent-frame index goes on."""
        self.stream.reset()
        self._dry[...] = 0
        self._held[...] = 0
        self._smoothed = None
        self._panics = None

    def snapshot(self) -> dict[str, np.ndarray]:
        """A copy of everything the next hop depends on, by name."""
        own = {"dry": self._dry.copy(), "held": self._held.copy(), "latent_frame": np.array(self.latent_frame)}
        if self._smoothed is not None and self._panics is not None:
            smoothed = self._smoothed
            ramped = [smoothed.in_gain, smoothed.out_gain, smoothed.wet, smoothed.limiter]
            own["smoothed"] = np.array(ramped, np.float32)
            own["panics"] = np.array(self._panics)
        return {f"engine.{name}": value for name, value in own.items()} | self.stream.snapshot()

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Put a snapshot back; RtraveError where it is of another model, and nothing changes."""
        self.stream.restore({name: value for name, value in state.items() if not name.startswith("engine.")})
        self._dry[...] = state["engine.dry"]
        self._held[...] = state["engine.held"]
        self.latent_frame = int(state["engine.latent_frame"])
        started = "engine.smoothed" in state
        self._smoothed = _Smoothed(*state["engine.smoothed"]) if started else None
        self._panics = float(state["engine.panics"]) if started else None


def _silence_nonfinite(signal: np.ndarray) -> int:
    """Set NaN and infinities to 0, in place; how many there were."""
    finite = np.isfinite(signal)
    if finite.all():
        return 0
    signal[~finite] = 0
    return int(signal.size - finite.sum())


def _levels(signal: np.ndarray) -> tuple[float, float]:
    """Peak and root mean square."""
    return float(np.abs(signal).max()), float(np.sqrt(np.mean(np.square(signal, dtype=np.float64))))


def open_engine(graph: Path, *, seed: int = 0, threads: int = 1) -> Engine:
    """An engine on a folder of the graph cache."""
    return Engine(OnnxParts(graph, threads), seed)
