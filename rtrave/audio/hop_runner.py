"""One hop of a live run: read the controls, run the engine, hand everything to the rings and the counters."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rtrave.ipc.shared_memory import Shared
from rtrave.settings import HOP_FIELDS

if TYPE_CHECKING:
    from rtrave.engine.engine import Engine

Audio = NDArray[np.float32]


class HopRunner:
    """Runs an engine hop by hop. One thread: the callback (`direct`) or the inference thread (`low-latency`).

    `compute` first, then `publish`, for each hop. A vector is read from the control block once per hop.
    The engine's `latent_frame` must be set before.
    """

    def __init__(
        self,
        engine: Engine,
        shared: Shared,
        clock: Callable[[], float] = time.monotonic,
        publishing: bool = True,
        model: int = 0,
    ) -> None:
        self._model = model
        self.publishing = publishing  # rings and counters have one writer: another runner's, while this is false
        self._clock = clock
        self._engine = engine
        self._shared = shared
        self._controls = np.array(engine.layout.defaults(), np.float64)
        self._sequence = -1  # of the vector in force; -1: the first hop tells it in any case
        self._controls_row = np.zeros((1, 2 + len(self._controls)))
        self._hop_row = np.zeros((1, shared.spec.hop_width))
        self._audio_rows = np.zeros((engine.hop, engine.inputs + engine.channels), np.float32)
        self._next_frame = engine.latent_frame
        self._published, self._begins = publishing, False
        self._must_reset = False
        self._ok = False
        self._frame = 0
        self.started_s = 0.0
        self.compute_s = 0.0

    def publish_from_now(self) -> None:
        """Begin with the next hop, whose latent frame follows what is there; the last runner has ended. Any thread."""
        self._begins = True

    def compute(self, x: Audio, y: Audio) -> bool:
        """Run one hop: x float32 [inputs, hop] to y float32 [C, hop], in place.

        Returns False where the engine raised: y is then silent, the error is counted, and the engine is reset
        before the next hop. Never raises.
        """
        self.started_s = self._clock()
        if self._begins:
            self._begins, self.publishing = False, True
            self._next_frame = self._engine.latent_frame = int(self._shared.status.get("latent_frame"))
        self._frame = self._next_frame
        self._published = self.publishing  # of this hop, as a whole
        self._next_frame += self._engine.latent_frames
        status = self._shared.status
        sequence = self._shared.controls.read(self._controls)
        if sequence < 0:
            if self._published:
                status.add("controls_kept")
            sequence = max(self._sequence, 0)
        if sequence != self._sequence and self._published:
            self._sequence = sequence
            row = self._controls_row
            row[0, 0], row[0, 1] = self._frame, sequence
            row[0, 2:] = self._controls
            self._shared.controls_log.write(row)
        try:
            if self._must_reset:
                self._engine.reset()
                self._engine.latent_frame = self._frame
                self._must_reset = False
            self._engine.process(x, self._controls, y)
            self._ok = True
        except Exception:  # whatever it is, the sound of the other hops goes on
            self._ok = False
            self._must_reset = True
            y.fill(0.0)
            if self._published:
                status.add("engine_errors")
        self.compute_s = self._clock() - self.started_s
        return self._ok

    def publish(self, x: Audio, y: Audio, wake_s: float, late: bool) -> None:
        """Write the hop just computed to the rings and counters. x, y as in `compute`."""
        if not self._published:
            return
        report, status, row = self._engine.report, self._shared.status, self._hop_row[0]
        rows, inputs = self._audio_rows, self._engine.inputs
        start = len(HOP_FIELDS)
        row[:4] = self._frame, self.compute_s, wake_s, late
        row[10:13] = self.started_s, self._model, self._engine.hop
        if self._ok:
            rows[:, :inputs] = report.x.T
            row[4:10] = (
                report.nonfinite_in,
                report.nonfinite_out,
                report.in_peak,
                report.in_rms,
                report.out_peak,
                report.out_rms,
            )
            latents = report.z_in.size
            row[start : start + latents] = report.z_in.reshape(-1)
            row[start + latents :] = report.z_out.reshape(-1)
            status.add("nonfinite_in", report.nonfinite_in)
            status.add("nonfinite_out", report.nonfinite_out)
        else:  # the report is of an older hop
            rows[:, :inputs] = np.where(np.isfinite(x), x, np.float32(0.0)).T
            row[4:10] = 0.0
            row[start:] = 0.0
        rows[:, inputs:] = y.T
        self._shared.audio.write(rows)
        self._shared.hops.write(self._hop_row)
        status.add("hops")
        status.set("latent_frame", self._next_frame)
