"""One hop of a live run: read the controls, run the engine, publish the hop to the rings and the counters."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rtrave.audio.faults import FaultSlots
from rtrave.ipc.messages import FaultSource
from rtrave.ipc.shared_memory import Shared

if TYPE_CHECKING:
    from rtrave.engine.engine import Engine

Audio = NDArray[np.float32]

# Fields of the hop record that the engine's report fills.
_REPORTED = ("nonfinite_in", "nonfinite_out", "in_peak", "in_rms", "out_peak", "out_rms", "z_in", "z_out")


class HopRunner:
    """Runner of an engine, hop by hop. One thread: the callback (`direct`) or the inference thread (`low-latency`).

    Call `compute`, then `publish`, for each hop. The runner reads the control block once per hop. Set the engine's
    `latent_frame` before the first hop.

    Parameters
    ----------
    engine : Engine
    shared : Shared
    clock : callable
        Seconds, monotonic.
    model_index : int
        How many models played before this one.
    continues : bool
        Whether the first hop that is published continues the latent frames of another runner; otherwise those of the
        engine.
    faults : FaultSlots or None
        Keeps what the engine raises; None: nobody looks.

    Attributes
    ----------
    started_s, compute_s : float
        When the last hop began by `clock`, and how long the engine took.
    """

    def __init__(
        self,
        engine: Engine,
        shared: Shared,
        clock: Callable[[], float] = time.monotonic,
        model_index: int = 0,
        continues: bool = False,
        faults: FaultSlots | None = None,
    ) -> None:
        self._faults = faults or FaultSlots()
        self._clock = clock
        self._engine = engine
        self._shared = shared
        self._controls = np.array(engine.layout.defaults(), np.float64)
        self._sequence = -1  # of the vector in force; -1: the first published hop logs its vector in any case
        self._controls_row = np.zeros((1, 2 + len(self._controls)))
        self._hop_rows = np.zeros(1, shared.spec.hop_dtype)
        self._hop_rows["model_index"], self._hop_rows["samples"] = model_index, engine.hop
        self._hop = {name: self._hop_rows[name] for name in self._hop_rows.dtype.names or ()}  # views, quick to write
        self._audio_rows = np.zeros((engine.hop, engine.inputs + engine.channels), np.float32)
        self._next_frame = engine.latent_frame
        self._publishes = not continues  # the hop under way, as a whole
        self._must_reset = False
        self._ok = False
        self._frame = 0
        self.started_s = 0.0
        self.compute_s = 0.0

    def compute(self, x: Audio, y: Audio, publishes: bool = True) -> bool:
        """Run one hop: read x float32 [inputs, hop], write y float32 [C, hop], C all output channels. Never raises.

        Parameters
        ----------
        publishes : bool
            Whether this hop is written to the rings and the counters.

        Returns
        -------
        bool
            False where the engine raised: y is then silent, the error is counted, and the engine is reset before the
            next hop.
        """
        self.started_s = self._clock()
        status = self._shared.status
        if publishes and not self._publishes:
            self._next_frame = self._engine.latent_frame = int(status.get("latent_frame"))
        self._publishes = publishes
        self._frame = self._next_frame
        self._next_frame += self._engine.latent_frames
        self._read_controls()
        try:
            if self._must_reset:
                self._engine.reset()
                self._engine.latent_frame = self._frame
                self._must_reset = False
            self._engine.process(x, self._controls, y)
            self._ok = True
        except Exception as error:  # whatever it is, the other hops must be heard
            self._ok = False
            self._faults.keep(FaultSource.ENGINE, error)
            self._must_reset = True
            y.fill(0.0)
            if publishes:
                status.add("engine_errors")
        self.compute_s = self._clock() - self.started_s
        return self._ok

    def _read_controls(self) -> None:
        """Read the control vector, and log it where it is a new one."""
        sequence = self._shared.controls.read(self._controls)
        if sequence < 0:
            if self._publishes:
                self._shared.status.add("controls_kept")
            sequence = max(self._sequence, 0)
        if sequence != self._sequence and self._publishes:
            self._sequence = sequence
            row = self._controls_row
            row[0, 0], row[0, 1] = self._frame, sequence
            row[0, 2:] = self._controls
            self._shared.controls_log.write(row)

    def publish(self, x: Audio, y: Audio, wake_s: float, late: bool) -> None:
        """Write the hop just computed to the rings and counters. x, y as in `compute`.

        `wake_s`: how long after its time the engine began; `late`: whether the hop missed its place.
        """
        if not self._publishes:
            return
        report, status, hop = self._engine.report, self._shared.status, self._hop
        rows, inputs = self._audio_rows, self._engine.inputs
        hop["latent_frame"][0], hop["time_s"][0] = self._frame, self.started_s
        hop["compute_s"][0], hop["wake_s"][0], hop["late"][0] = self.compute_s, wake_s, late
        if self._ok:
            rows[:, :inputs] = report.x.T
            hop["nonfinite_in"][0], hop["nonfinite_out"][0] = report.nonfinite_in, report.nonfinite_out
            hop["in_peak"][0], hop["in_rms"][0] = report.in_peak, report.in_rms
            hop["out_peak"][0], hop["out_rms"][0] = report.out_peak, report.out_rms
            hop["z_in"][0], hop["z_out"][0] = report.z_in, report.z_out
            status.add("nonfinite_in", report.nonfinite_in)
            status.add("nonfinite_out", report.nonfinite_out)
        else:  # the report is of an older hop
            rows[:, :inputs] = np.where(np.isfinite(x), x, np.float32(0.0)).T
            for name in _REPORTED:
                hop[name][0] = 0
        rows[:, inputs:] = y.T
        self._shared.audio.write(rows)
        self._shared.hops.write(self._hop_rows)
        status.add("hops")
        status.set("latent_frame", self._next_frame)
