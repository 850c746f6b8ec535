"""Move all parts of a live run from one model to another. Control process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from rtrave.backends.facts import ModelFacts
from rtrave.control.calibration import Calibration, calibrate
from rtrave.control.calibration import find as find_calibration
from rtrave.control.instrument import Instrument
from rtrave.control.persisted import state_path
from rtrave.ipc.messages import Loaded
from rtrave.osc.server import OscServer
from rtrave.player.calibration_store import CalibrationStore
from rtrave.player.clips import Clips
from rtrave.player.live_calibration import LiveCalibration
from rtrave.player.model_preparation import RequestedModel
from rtrave.player.monitor import Monitor
from rtrave.player.playing_model import PlayingModel
from rtrave.player.recorder import Recorder
from rtrave.player.run_memory import RunMemory
from rtrave.player.state_keeper import StateKeeper
from rtrave.player.supervisor import Supervisor
from rtrave.player.web_wiring import Web
from rtrave.streaming.stream import attributes_of


@dataclass(frozen=True)
class ModelChange:
    """The parts of a run that must know of another model, and the order in which they learn of it."""

    playing: PlayingModel
    memory: RunMemory
    instrument: Instrument
    monitor: Monitor
    recorder: Recorder
    keeper: StateKeeper
    calibrations: CalibrationStore
    live_calibration: LiveCalibration
    clips: Clips
    supervisor: Supervisor
    osc: OscServer
    web: Web
    note: Callable[[str], object]

    def adopt(self, requested: RequestedModel, loaded: Loaded) -> None:
        """Adopt the model that the audio process now plays. Main thread.

        A take belongs to one model, so one that runs continues in a new folder.
        """
        model, before = requested.facts, self.playing.spec()
        name = model.spec.name
        frame = int(self.memory.shared.status.get("latent_frame"))
        self.recorder.event("model", name=name, hash=model.model_hash)
        self.recorder.pause()
        self.keeper.save()
        calibration = find_calibration(requested.path, name, model.model_hash, self.note)
        self.osc.submit(partial(self._change_controls, model, frame, calibration)).result()
        self.supervisor.adopt(loaded, self.playing.index, self.memory.shared)
        self.recorder.resume(self.playing.index, self.memory.shared)
        self.clips.adopt_graph(requested.graph)
        self.note(f"{name} plays instead of {before.name}")
        if model.spec.full_latent_size != before.full_latent_size:
            self.osc.announce("/rtrave/model/dims", "i", (model.spec.full_latent_size,))

    def _change_controls(self, model: ModelFacts, latent_frame: int, calibration: Calibration | None) -> None:
        """Change from the addresses of one model to those of another, in one piece. OSC thread."""
        spec, memory = model.spec, self.memory
        with self.web.changing():
            self.playing.adopt(model, latent_frame)
            self.calibrations.adopt(model)
            memory.adopt()
            self.instrument.adopt(memory.layout, attributes_of(spec), spec.fidelity)
            if calibration is not None:
                calibrate(self.instrument.controls, calibration)
            self.monitor.adopt(spec, memory.layout, model.latent_pca, model.latent_mean, model.hop)
            self.live_calibration.reset()
            self.keeper.adopt(state_path(spec.name, model.model_hash))
            self.osc.adopt_controls()
            self.web.adopt_controls()
