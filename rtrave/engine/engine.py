"""The engine: one hop of audio in, one hop of audio out, with the latents edited in between.

Pure arithmetic on explicit state: no clock, device, thread or file. Playing live, rendering and replaying are this same
call under different drivers, so they give the same bits. Needs no torch.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from rtrave.backends.onnx import OnnxBackend
from rtrave.backends.pipelined import Job, OneHopLater
from rtrave.backends.routed import RoutedBackend, is_routed
from rtrave.backends.torchscript.backend import HANG_LIMIT_S, TorchScriptBackend
from rtrave.backends.torchscript.facts import is_torchscript, open_torchscript
from rtrave.control.parameter import SECOND_INPUT
from rtrave.control.vector import Layout, make_layout
from rtrave.dsp.levels import levels, silence_nonfinite
from rtrave.engine.attributes import Attributes
from rtrave.engine.glide import Glide
from rtrave.engine.latent_chain import LatentChain
from rtrave.engine.mixer import Mixer
from rtrave.engine.second_input import SecondInput
from rtrave.errors import RtraveError
from rtrave.model.latent_space import apart, draw_frames, sample_posterior, seeded_noise
from rtrave.streaming.stream import Backend, Stream, make_stream
from rtrave.streaming.torchscript_stream import TorchScriptStream

NO_SECOND_INPUT = "a foreign TorchScript takes no second input: use a RAVE model, or leave --second-input out"


@dataclass
class HopReport:
    """What one hop did; its arrays are made once and overwritten by each `process`.

    Attributes
    ----------
    x : float32 [inputs, hop]
        The input, NaN and infinities replaced by 0.
    z_in, z_out : float32 [D, N]
        Latents in the full space, before and after the controls; of the first stream.
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


class Engine:
    """Runs a model hop by hop under a vector of controls: one stream, or several side by side that share nothing.

    Each stream has latents, a chain of edits, a gate and a limiter of its own; the channels of the first come first.

    Not thread-safe: one thread calls `process`. It allocates small temporaries only, waits for nothing, and raises
    nothing of its own for any float32 input.

    A foreign script is the exception to both: it plays in another process, one hop later, the report's latents too.
    A hop that it lost, by an error or by not keeping time, is an RtraveError of the next `process`. It is waited for
    until the first `reset` (the end of warming up), and always where `offline`.

    Parameters
    ----------
    parts : Backend
        A backend; its batch is the number of streams.
    seed : int
        Default of the control that chooses the noise source's seed.
    offline : bool
        Nothing waits for the sound: a foreign script may take its time.
    second_input : bool
        As many further channels of input are the second source of the latents. RtraveError for a foreign script.

    Attributes
    ----------
    channels, inputs : int
        Of the output, of all streams together, and of the input.
    """

    def __init__(self, parts: Backend, seed: int = 0, offline: bool = False, second_input: bool = False) -> None:
        spec = parts.spec
        self.spec, self.model_hash = spec, parts.model_hash
        self.noise = apart(seeded_noise(seed), 1.0)
        self._script = parts if isinstance(parts, TorchScriptBackend) else None
        self.stream: Stream = TorchScriptStream(self._script, self.noise) if self._script else make_stream(parts, seed)
        streams, self.hop, self.sample_rate = parts.shape.batch, self.stream.hop, spec.sample_rate
        self.channels = self.inputs = streams * spec.channels
        self._second: SecondInput | None = None
        if second_input:
            if not isinstance(parts, OnnxBackend | RoutedBackend):
                raise RtraveError(NO_SECOND_INPUT)
            self._second, self.inputs = SecondInput(parts), 2 * self.channels
        self.dims, self.latent_frames = spec.full_latent_size, parts.shape.latent_frames
        self.sample_unit = parts.frames_per_step * spec.ratio  # the shortest hop that the model can take
        self.layout: Layout = make_layout(self.dims, seed)
        self.latent_frame = 0
        space = (parts.latent_pca, parts.latent_mean)
        self.chains = [LatentChain(self.layout, *space, spec.latent_rate_hz) for _ in range(streams)]
        self._seed, self._width = seed, 1.0
        self._glide = Glide(self.layout, spec.latent_rate_hz)
        self._moving = np.tile(self.layout.defaults(), (self.latent_frames, 1))
        self._attributes = Attributes(self.stream, self.layout)
        self.report = HopReport(
            np.zeros((self.inputs, self.hop), np.float32),
            np.zeros((self.dims, self.latent_frames), np.float32),
            np.zeros((self.dims, self.latent_frames), np.float32),
        )
        self._mixer = Mixer(self.layout, streams, spec.channels, self.hop, self.sample_rate, spec.acoustic_delay)
        self.limiter_delay = self._mixer.limiter_delay  # samples
        self.dry_delay = spec.acoustic_delay + self.limiter_delay  # by which the dry signal is late in the output
        self._held = np.zeros((streams, self.dims, 1), np.float32)
        self._panics: float | None = None
        self._offline = offline
        self._later: OneHopLater | None = None
        if self._script:
            self._later = OneHopLater(self._play_job, self._reset_model, self._new_job, self.hop / self.sample_rate)

    def process(self, x: np.ndarray, controls: np.ndarray, y: np.ndarray) -> None:
        """Play one hop.

        Parameters
        ----------
        x : float32 [inputs, hop]
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
        with np.errstate(all="ignore"):  # overflow is found and counted, a warning would print
            entered = self._mixer.enter(report.x[: self.channels], controls)
            x = np.concatenate((entered.heard, report.x[self.channels :]))
            self._play(x, self._moving, y, entered.audible)
            report.nonfinite_out += self._mixer.leave(entered, controls, y, report.nonfinite_out > 0)
        self.latent_frame += self.latent_frames
        report.in_peak, report.in_rms = levels(report.x[: self.channels])
        report.out_peak, report.out_rms = levels(y)

    @property
    def dry_gain(self) -> float:
        """Linear, of the dry signal in the output at the end of the last hop."""
        return self._mixer.dry_gain

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
        slots, last = self.layout.slots, controls[-1]
        self._follow_noise(int(last[slots["seed"]][0]), float(last[slots["out/width"]][0]))
        self._attributes.follow(last)
        mean, std = (part.transpose(0, 2, 1) for part in self.stream.parts.encode(self._by_stream(x[: self.channels])))
        came = mean.copy()
        temperature: Any = controls[:, slots["temperature"].start].astype(np.float32)
        if temperature.any():
            normal = draw_frames(self.noise, "posterior", latent_frame, mean.shape)
            came[...] = sample_posterior(mean, std, temperature, normal)
        self._hear_second(x[self.channels :], last[slots["source/slot"]][0] == SECOND_INPUT)
        goes = np.empty_like(came)
        if last[slots["freeze"]][0]:
            goes[...] = self._held
        else:
            for k, chain in enumerate(self.chains):
                goes[k] = chain.process(came[k], controls, latent_frame, partial(self._draw, k))
            self._held[...] = goes[:, :, -1:]
        z_in[...], z_out[...] = came[0], goes[0]
        self.stream.decoded_frames = latent_frame
        y[...] = self.stream.decode_hop(goes).transpose(0, 2, 1).reshape(y.shape)
        nonfinite = silence_nonfinite(y)
        if nonfinite:
            y[...] = 0
            self._reset_model()
        return nonfinite

    def _by_stream(self, x: np.ndarray) -> np.ndarray:
        """[streams * C, hop] -> [streams, hop, C]."""
        return x.reshape(len(self.chains), self.spec.channels, self.hop).transpose(0, 2, 1)

    def _hear_second(self, x: np.ndarray, wanted: bool) -> None:
        latents = None if self._second is None else self._second.hear(self._by_stream(x), wanted)
        for k, chain in enumerate(self.chains):
            chain.second = None if latents is None else latents[k]

    def _draw(self, stream: int, kind: str, latent_frame: int, shape: tuple[int, ...]) -> np.ndarray:
        """Random numbers [1, ...] of one stream: its row of what is drawn for all."""
        return self.noise(kind, latent_frame, (stream + 1, *shape[1:]))[stream:]

    def _follow_noise(self, seed: int, width: float) -> None:
        if (seed, width) != (self._seed, self._width):
            self._seed, self._width = seed, width
            self.noise = self.stream.noise = apart(seeded_noise(seed), width)

    def _play_job(self, job: Job) -> None:
        """One hop of a foreign script, in the thread that waits for it."""
        with np.errstate(all="ignore"):
            job.nonfinite = self._model_hop(job.x, job.controls, job.latent_frame, job.z_in, job.z_out, job.y)

    def _new_job(self) -> Job:
        x, y = (np.zeros((rows, self.hop), np.float32) for rows in (self.inputs, self.channels))
        z_in, z_out = np.zeros_like(self.report.z_in), np.zeros_like(self.report.z_out)
        return Job(x, y, self._moving.copy(), z_in, z_out)

    def reset(self) -> None:
        """Back to the silence before the first sample; the latent-frame index goes on."""
        self._begin_anew()
        if self._later is not None:
            self._later.forget()
            if self._script and not self._offline:
                self._later.keep_time()
                self._script.limit_s = HANG_LIMIT_S
        self._mixer.reset()
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
        for chain in self.chains:
            chain.reset()
        if self._second is not None:
            self._second.on = False
        self._attributes.forget()
        self._held[...] = 0

    def snapshot(self) -> dict[str, np.ndarray]:
        """A copy of everything the next hop depends on, by name."""
        own = {"held": self._held.copy(), "latent_frame": np.array(self.latent_frame)}
        own |= {f"mixer.{name}": value for name, value in self._mixer.snapshot().items()}
        if self._panics is not None:
            own["panics"] = np.array(self._panics)
        own |= {f"glide.{name}": value.copy() for name, value in self._glide.state.items()}
        for k, chain in enumerate(self.chains):
            own |= {f"chain.{k}.{name}": value for name, value in chain.snapshot().items()}
        if self._second is not None:
            own |= {f"second.{name}": value for name, value in self._second.snapshot().items()}
        own["seed"], own["width"] = np.array(self._seed), np.array(self._width)
        own["attributes"] = self._attributes.seen.copy()
        return {f"engine.{name}": value for name, value in own.items()} | self.stream.snapshot()

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Put a snapshot back; RtraveError where it is of another model, and nothing changes."""
        self.stream.restore({name: value for name, value in state.items() if not name.startswith("engine.")})
        self._mixer.restore(_below("engine.mixer.", state))
        self._held[...] = state["engine.held"]
        self.latent_frame = int(state["engine.latent_frame"])
        for name, array in self._glide.state.items():
            array[...] = state[f"engine.glide.{name}"]
        for k, chain in enumerate(self.chains):
            chain.restore(_below(f"engine.chain.{k}.", state))
        if self._second is not None:
            self._second.restore(_below("engine.second.", state))
        self._follow_noise(int(state["engine.seed"]), float(state["engine.width"]))
        self._attributes.seen[...] = state["engine.attributes"]
        self._panics = float(state["engine.panics"]) if "engine.panics" in state else None


def _below(prefix: str, state: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}


def open_engine(
    graph: Path, *, seed: int = 0, threads: int = 1, offline: bool = False, second_input: bool = False
) -> Engine:
    """An engine on a folder of the cache: a compiled graph, a pair, or a foreign script. The rest: see `Engine`."""
    if is_torchscript(graph):
        if second_input:  # before its process is started
            raise RtraveError(NO_SECOND_INPUT)
        return Engine(TorchScriptBackend(open_torchscript(graph), threads), seed, offline)
    parts = RoutedBackend(graph, threads) if is_routed(graph) else OnnxBackend(graph, threads)
    return Engine(parts, seed, second_input=second_input)
