"""The engine: one hop of audio in, one hop of audio out, with the latents edited in between.

Pure arithmetic on explicit state: no clock, device, thread or file. Playing live, rendering and replaying are this same
call under different drivers, so they give the same bits. Needs no torch.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rtrave.control.attributes import Attributes
from rtrave.control.glide import Glide
from rtrave.control.latent_chain import LatentChain
from rtrave.control.vector import Layout, make_layout
from rtrave.errors import RtraveError
from rtrave.levels import Gate, Limiter, Mute, db_to_gain, levels, ramp, silence_nonfinite
from rtrave.model.latent_space import draw_frames, sample_posterior, seeded_noise
from rtrave.streaming.one_hop_later import Job, OneHopLater
from rtrave.streaming.onnx_stream import OnnxParts
from rtrave.streaming.routed import RoutedParts, is_routed
from rtrave.streaming.scripted import is_scripted, open_scripted
from rtrave.streaming.scripted_parts import HANG_LIMIT_S, ScriptedParts, ScriptedStream
from rtrave.streaming.stream import Parts, Stream, make_stream


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


class Engine:
    """Runs one stream of a model hop by hop under a vector of controls.

    Not thread-safe: one thread calls `process`. It allocates small temporaries only, waits for nothing, and raises
    nothing of its own for any float32 input.

    A foreign script is the exception to both: it plays in another process, one hop later, the report's latents too.
    A hop that it lost, by an error or by not keeping time, is an RtraveError of the next `process`. It is waited for
    until the first `reset` (the end of warming up), and always where `offline`.

    Parameters
    ----------
    parts : Parts
        A backend of batch 1.
    seed : int
        Default of the control that chooses the noise source's seed.
    offline : bool
        Nothing waits for the sound: a foreign script may take its time.
    """

    def __init__(self, parts: Parts, seed: int = 0, offline: bool = False) -> None:
        if parts.shape.batch != 1:
            raise RtraveError(f"an engine plays one stream, this one was made for {parts.shape.batch}")
        spec = parts.spec
        self.spec, self.model_hash = spec, parts.model_hash
        self.noise = seeded_noise(seed)
        self._script = parts if isinstance(parts, ScriptedParts) else None
        self.stream: Stream = ScriptedStream(self._script, self.noise) if self._script else make_stream(parts, seed)
        self.hop, self.channels, self.sample_rate = self.stream.hop, spec.channels, spec.sample_rate
        self.dims, self.latent_frames = spec.full_latent_size, parts.shape.latent_frames
        self.sample_unit = parts.frames_per_step * spec.ratio  # the shortest hop that the model can take
        self.layout: Layout = make_layout(self.dims, seed)
        self.latent_frame = 0
        self.chain = LatentChain(self.layout, parts.latent_pca, parts.latent_mean, spec.latent_rate_hz)
        self._seed = seed
        self._glide = Glide(self.layout, spec.latent_rate_hz)
        self._moving = np.tile(self.layout.defaults(), (self.latent_frames, 1))
        self._attributes = Attributes(self.stream, self.layout)
        self.report = HopReport(
            np.zeros((self.channels, self.hop), np.float32),
            np.zeros((self.dims, self.latent_frames), np.float32),
            np.zeros((self.dims, self.latent_frames), np.float32),
        )
        self._dry = np.zeros((self.channels, spec.acoustic_delay + self.hop), np.float32)
        self._limiter = Limiter(self.channels, self.hop, self.sample_rate)
        self._gate, self._mute = Gate(self.sample_rate), Mute(self.channels, self.hop)
        self.limiter_delay = self._limiter.delay  # samples
        self.dry_delay = spec.acoustic_delay + self.limiter_delay  # by which the dry signal is late in the output
        self.dry_gain = 1.0  # linear, of the dry signal in the output at the end of the last hop
        self._held = np.zeros((self.dims, 1), np.float32)
        self._smoothed: _Smoothed | None = None
        self._panics: float | None = None
        self._offline = offline
        self._later: OneHopLater | None = None
        if self._script:
            self._later = OneHopLater(self._play_job, self._reset_model, self._new_job, self.hop / self.sample_rate)

    def process(self, x: np.ndarray, controls: np.ndarray, y: np.ndarray) -> None:
        """Play one hop.

        Parameters
        ----------
        x : float32 [C, hop]
            Input; NaN and infinities are taken as 0 and counted.
        controls : float64 [layout.size]
        y : float32 [C, hop]
            The output, written here, late by `dry_delay` in all: always finite, within -1 .. 1 while the limiter is on.
        """
        report = self.report
        np.copyto(report.x, x)
        report.nonfinite_in = silence_nonfinite(report.x)
        if self._panics is not None and controls[self.layout.slots["panic"]][0] != self._panics:
            self._glide.cancel()
            self._begin_anew()
        self._panics = float(controls[self.layout.slots["panic"]][0])
        self._glide.step(controls, self._moving)
        controls = self._moving[-1]
        target = self._targets(controls)
        before = self._smoothed or target

        with np.errstate(all="ignore"):  # overflow is found and counted below, a warning would print
            driven = report.x * ramp(before.in_gain, target.in_gain, self.hop)
            dry = self._delayed(driven)
            audible = bool(before.wet or target.wet)
            self._play(driven, self._moving, y, audible)
            self._mute.process(y, report.nonfinite_out > 0)
            # The input itself opens the gate ahead of the model's sound, its delayed copy keeps it open.
            gate = self._gate.curve(np.concatenate((driven, dry)), float(controls[self.layout.slots["in/gate"]][0]))
            if gate is not None:
                y *= gate
            wet = ramp(before.wet, target.wet, self.hop)
            y *= wet
            y += dry * (np.float32(1) - wet)
            y *= ramp(before.out_gain, target.out_gain, self.hop)
        report.nonfinite_out += silence_nonfinite(y)  # a dry signal and a gain can still overflow
        self._limiter.process(y, bool(controls[self.layout.slots["out/limit"]][0]))
        self._smoothed = target
        self.dry_gain = float(target.in_gain * target.out_gain)
        self.latent_frame += self.latent_frames
        report.in_peak, report.in_rms = levels(report.x)
        report.out_peak, report.out_rms = levels(y)

    def _targets(self, controls: np.ndarray) -> _Smoothed:
        """Where the ramped controls want to be at the end of this hop."""

        def value(name: str) -> float:
            return float(controls[self.layout.slots[name]][0])

        out_gain = np.float32(0) if value("silence") else db_to_gain(value("out/gain"))
        wet = np.float32(0 if value("bypass") else value("mix"))
        return _Smoothed(db_to_gain(value("in/gain")), out_gain, wet)

    def _play(self, x: np.ndarray, controls: np.ndarray, y: np.ndarray, audible: bool) -> None:
        """The model's hop into `y` and the report; of a foreign script, the hop before. `controls`: [N, size]."""
        report = self.report
        if self._later is None:
            report.nonfinite_out = self._model_hop(x, controls, self.latent_frame, report.z_in, report.z_out, y)
            return
        job, failure = self._later.exchange(x, controls, self.latent_frame)
        if failure and audible:
            raise RtraveError(failure)
        y[...], report.z_in[...], report.z_out[...] = (job.y, job.z_in, job.z_out) if job else (0, 0, 0)
        report.nonfinite_out = job.nonfinite if job else 0

    def _model_hop(
        self,
        x: np.ndarray,
        controls: np.ndarray,
        latent_frame: int,
        z_in: np.ndarray,
        z_out: np.ndarray,
        y: np.ndarray,
    ) -> int:
        """Encode, edit, decode under controls [N, size]; how many samples were not finite: then the hop is silent and
        the stream begins anew."""
        self._follow_seed(int(controls[-1, self.layout.slots["seed"]][0]))
        self._attributes.follow(controls[-1])
        mean, std = (part[0].T for part in self.stream.parts.encode(x.T[None]))
        z_in[...] = mean
        temperature: Any = controls[:, self.layout.slots["temperature"].start].astype(np.float32)
        if temperature.any():
            normal = draw_frames(self.noise, "posterior", latent_frame, (1, *mean.shape))[0]
            z_in[...] = sample_posterior(mean, std, temperature, normal)
        if controls[-1, self.layout.slots["freeze"]][0]:
            z_out[...] = self._held
        else:
            z_out[...] = self.chain.process(z_in, controls, latent_frame, self.noise)
            self._held[...] = z_out[:, -1:]
        self.stream.decoded_frames = latent_frame
        y[...] = self.stream.decode_hop(z_out[None])[0].T
        nonfinite = silence_nonfinite(y)
        if nonfinite:
            y[...] = 0
            self._reset_model()
        return nonfinite

    def _follow_seed(self, seed: int) -> None:
        if seed != self._seed:
            self._seed = seed
            self.noise = self.stream.noise = seeded_noise(seed)

    def _play_job(self, job: Job) -> None:
        """One hop of a foreign script, in the thread that waits for it."""
        with np.errstate(all="ignore"):
            job.nonfinite = self._model_hop(job.x, job.controls, job.latent_frame, job.z_in, job.z_out, job.y)

    def _new_job(self) -> Job:
        audio, latents = (self.channels, self.hop), (self.dims, self.latent_frames)
        x, y = np.zeros(audio, np.float32), np.zeros(audio, np.float32)
        return Job(x, y, self._moving.copy(), np.zeros(latents, np.float32), np.zeros(latents, np.float32))

    def _delayed(self, x: np.ndarray) -> np.ndarray:
        """The dry signal, late by the model's acoustic delay."""
        self._dry[:, : -self.hop] = self._dry[:, self.hop :].copy()
        self._dry[:, -self.hop :] = x
        return self._dry[:, : self.hop].copy()

    def reset(self) -> None:
        """Back to the silence before the first sample; the latent-frame index goes on."""
        self._begin_anew()
        if self._later is not None:
            self._later.forget()
            if self._script and not self._offline:
                self._later.keep_time()
                self._script.limit_s = HANG_LIMIT_S
        self._dry[...] = 0
        self._limiter.reset()
        self._gate.reset()
        self._mute.last[...], self._mute.muted = 0, False
        self._smoothed = None
        self._panics = None
        self._glide.cancel()

    def _begin_anew(self) -> None:
        """The model as before the first sample; a foreign script before its next hop, by the thread it belongs to."""
        if self._later is None:
            self._reset_model()
        else:
            self._later.ask_reset()

    def _reset_model(self) -> None:
        self.stream.reset()
        self.chain.reset()
        self._attributes.forget()
        self._held[...] = 0

    def snapshot(self) -> dict[str, np.ndarray]:
        """A copy of everything the next hop depends on, by name."""
        own = {"dry": self._dry.copy(), "held": self._held.copy(), "latent_frame": np.array(self.latent_frame)}
        own |= {"limiter.line": self._limiter.line.copy(), "limiter.gain": np.array(self._limiter.gain)}
        own |= {"gate": np.array([self._gate.gain, self._gate.quiet])}
        own |= {"mute.last": self._mute.last.copy(), "muted": np.array(self._mute.muted)}
        if self._smoothed is not None and self._panics is not None:
            smoothed = self._smoothed
            own["smoothed"] = np.array([smoothed.in_gain, smoothed.out_gain, smoothed.wet], np.float32)
            own["panics"] = np.array(self._panics)
        own |= {f"glide.{name}": value.copy() for name, value in self._glide.state.items()}
        own |= {f"chain.{name}": value for name, value in self.chain.snapshot().items()}
        own["seed"], own["attributes"] = np.array(self._seed), self._attributes.seen.copy()
        return {f"engine.{name}": value for name, value in own.items()} | self.stream.snapshot()

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Put a snapshot back; RtraveError where it is of another model, and nothing changes."""
        self.stream.restore({name: value for name, value in state.items() if not name.startswith("engine.")})
        self._dry[...] = state["engine.dry"]
        self._held[...] = state["engine.held"]
        self.latent_frame = int(state["engine.latent_frame"])
        for name, array in self._glide.state.items():
            array[...] = state[f"engine.glide.{name}"]
        prefix = "engine.chain."
        self.chain.restore({name.removeprefix(prefix): value for name, value in state.items() if prefix in name})
        self._follow_seed(int(state["engine.seed"]))
        self._attributes.seen[...] = state["engine.attributes"]
        self._limiter.line[...], self._limiter.gain = (
            state["engine.limiter.line"],
            np.float32(state["engine.limiter.gain"]),
        )
        gate = state["engine.gate"]
        self._gate.gain, self._gate.quiet = float(gate[0]), int(gate[1])
        self._mute.last[...], self._mute.muted = state["engine.mute.last"], bool(state["engine.muted"])
        started = "engine.smoothed" in state
        self._smoothed = _Smoothed(*state["engine.smoothed"]) if started else None
        self._panics = float(state["engine.panics"]) if started else None


def open_engine(graph: Path, *, seed: int = 0, threads: int = 1, offline: bool = False) -> Engine:
    """An engine on a folder of the cache: a compiled graph, a pair, or a foreign script. `offline`: see `Engine`."""
    if is_scripted(graph):
        return Engine(ScriptedParts(open_scripted(graph), threads), seed, offline)
    if is_routed(graph):
        return Engine(RoutedParts(graph, threads), seed)
    return Engine(OnnxParts(graph, threads), seed)
