"""The engine: one hop of audio in, one hop of audio out, with the latents edited in between.

Pure arithmetic on explicit state: no clock, device, thread or file. Playing live, rendering and replaying are this same
call under different drivers, so they give the same bits. Needs no torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rtrave.backends.backend import Backend
from rtrave.backends.opening import open_backend
from rtrave.control.vector import Layout, make_layout
from rtrave.dsp.levels import levels, silence_nonfinite
from rtrave.engine.glide import Glide
from rtrave.engine.latent_chain import LatentChain
from rtrave.engine.mixer import Mixer
from rtrave.engine.model_hop import ModelHop, below
from rtrave.errors import RtraveError
from rtrave.streaming.stream import Stream


@dataclass
class HopReport:
    """Report of one hop; valid until the next `process`.

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

    x: NDArray[np.float32]
    z_in: NDArray[np.float32]
    z_out: NDArray[np.float32]
    in_peak: float = 0.0
    in_rms: float = 0.0
    out_peak: float = 0.0
    out_rms: float = 0.0
    nonfinite_in: int = 0
    nonfinite_out: int = 0


class Engine:
    """Runs a model hop by hop under a vector of controls: one stream, or several side by side that share nothing.

    Each stream has latents, a chain of edits, a gate and a limiter of its own; the channels of the first come first.

    Not thread-safe: one thread calls `process`. Live, that is the callback (`direct`) or the inference thread
    (`low-latency`) of the audio process; before, the thread that opens and warms the engine (main for the
    first model, the loader's for later ones). It allocates small temporaries
    only. On a model in this process it waits for nothing, and raises nothing of its own for any float32 input.

    Where the backend has a latency of hops (`Capabilities.latency_hops`), the model's sound and the report's latents
    come that much later. Its pipeline may wait, for the rest of a hop at most (`ThreadedPipeline`), and a hop that it
    lost is an RtraveError of the `process` that should return it.

    Parameters
    ----------
    backend : Backend
        Its batch is the number of streams.
    seed : int
        Default of the control `seed` of the noise source.
    second_input : bool
        The input has twice the channels: the second half is the second source of the latents. RtraveError where the
        backend cannot encode it.

    Attributes
    ----------
    channels, inputs : int
        Channels of the output, of all streams together, and of the input.
    latent_frame : int
        Index of the first latent frame of the next hop.
    limiter_delay, dry_delay : int
        Samples by which the limiter delays the sound, and by which the dry signal is late in the output.
    sample_unit : int
        Shortest hop that the model can take, in samples.
    """

    def __init__(self, backend: Backend, seed: int = 0, second_input: bool = False) -> None:
        facts = backend.facts
        spec = self.spec = facts.spec
        self.model_hash, self.hop, self.sample_rate = facts.model_hash, facts.hop, spec.sample_rate
        self.dims, self.latent_frames = spec.full_latent_size, facts.shape.latent_frames
        self.sample_unit = facts.frames_per_step * spec.ratio
        self.layout: Layout = make_layout(self.dims, seed)
        self.latent_frame = 0
        self._model = ModelHop(backend, self.layout, seed, second_input)
        self._pipeline = backend.pipeline(self._model)
        self.channels, self.inputs = self._model.channels, self._model.inputs
        self._glide = Glide(self.layout, spec.latent_rate_hz)
        first = self._model.new_hop()
        self._moving = first.controls  # the controls of each latent frame of a hop
        self.report = HopReport(first.x, first.z_in, first.z_out)
        sizes = (facts.shape.batch, spec.channels, self.hop, self.sample_rate, spec.acoustic_delay)
        self._mixer = Mixer(self.layout, *sizes)
        self.limiter_delay = self._mixer.limiter_delay
        self.dry_delay = spec.acoustic_delay + self.limiter_delay
        self._panics: float | None = None

    def process(self, x: NDArray[np.float32], controls: NDArray[np.float64], y: NDArray[np.float32]) -> None:
        """Play one hop.

        Parameters
        ----------
        x : float32 [inputs, hop]
            Input; NaN and infinities are taken as 0 and counted.
        controls : float64 [layout.size]
        y : float32 [C, hop]
            Receives the output: always finite, within -1 .. 1 while the limiter is on. Its dry part is
            `dry_delay` samples late.
        """
        report = self.report
        np.copyto(report.x, x)
        report.nonfinite_in = silence_nonfinite(report.x)
        panics = float(controls[self.layout.slots["panic"]][0])
        panic, self._panics = self._panics is not None and panics != self._panics, panics
        if panic:
            self._glide.cancel()
        self._glide.step(controls, self._moving)
        controls = self._moving[-1]
        with np.errstate(all="ignore"):  # overflow is counted; a warning would print
            entered = self._mixer.enter(report.x[: self.channels], controls)
            x = np.concatenate((entered.sent, report.x[self.channels :]))
            hop = self._pipeline.exchange(x, self._moving, self.latent_frame, panic)
            if hop.failure and entered.audible:
                raise RtraveError(hop.failure)
            y[...], report.z_in, report.z_out, report.nonfinite_out = hop.y, hop.z_in, hop.z_out, hop.nonfinite
            report.nonfinite_out += self._mixer.leave(entered, controls, y, report.nonfinite_out > 0)
        self.latent_frame += self.latent_frames
        report.in_peak, report.in_rms = levels(report.x[: self.channels])
        report.out_peak, report.out_rms = levels(y)

    @property
    def dry_gain(self) -> float:
        """Linear gain of the dry signal in the output at the end of the last hop."""
        return self._mixer.dry_gain

    @property
    def stream(self) -> Stream:
        """The stream on the backend. Only the engine calls it while it plays."""
        return self._model.stream

    @property
    def chains(self) -> list[LatentChain]:
        """The edits of each stream."""
        return self._model.chains

    def reset(self) -> None:
        """Return to the silence before the first sample; the latent-frame index continues."""
        self._pipeline.restart()
        self._mixer.reset()
        self._panics = None
        self._glide.cancel()

    def snapshot(self) -> dict[str, np.ndarray]:
        """Return a copy of everything the next hop depends on, by name.

        RtraveError where the backend has no snapshots.
        """
        own = {f"model.{name}": value for name, value in self._model.snapshot().items()}
        own["latent_frame"] = np.array(self.latent_frame)
        own |= {f"mixer.{name}": value for name, value in self._mixer.snapshot().items()}
        own |= {f"glide.{name}": value.copy() for name, value in self._glide.state.items()}
        if self._panics is not None:
            own["panics"] = np.array(self._panics)
        return own

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Put a snapshot back; RtraveError where it is of another model, and nothing changes."""
        self._model.restore(below("model.", state))
        self._mixer.restore(below("mixer.", state))
        self.latent_frame = int(state["latent_frame"])
        for name, array in self._glide.state.items():
            array[...] = state[f"glide.{name}"]
        self._panics = float(state["panics"]) if "panics" in state else None


def open_engine(
    graph: Path, *, seed: int = 0, threads: int = 1, offline: bool = False, second_input: bool = False
) -> Engine:
    """Open an engine on a folder of the cache, whatever its kind.

    Parameters
    ----------
    graph : Path
        A folder of the cache.
    threads : int
        Threads of ONNX Runtime or torch.
    offline : bool
        Nothing waits for the sound, so a backend in another process may take its time.
    seed, second_input
        See `Engine`.
    """
    return Engine(open_backend(graph, threads, offline), seed, second_input)
