"""The composition root of a live run: make every part, connect them, and run until stopped."""

from __future__ import annotations

import contextlib
import tempfile
import threading
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console

from rtrave.backends.facts import ModelFacts
from rtrave.control.instrument import Instrument
from rtrave.ipc.options import RunOptions
from rtrave.ipc.shared_spec import SharedSection
from rtrave.osc.listeners import parse_target
from rtrave.osc.server import OscServer
from rtrave.player import terminal
from rtrave.player.calibration_store import CalibrationStore
from rtrave.player.clips import Clips
from rtrave.player.device_notes import device_notes
from rtrave.player.display import Display
from rtrave.player.fault_notes import FaultNotes
from rtrave.player.live_calibration import LiveCalibration
from rtrave.player.model_change import ModelChange
from rtrave.player.model_preparation import ModelPreparation
from rtrave.player.monitor import Monitor
from rtrave.player.notice_handler import NoticeHandler
from rtrave.player.null_sound import with_null_sound
from rtrave.player.options import LiveOptions
from rtrave.player.osc_wiring import osc_actions, osc_readers
from rtrave.player.playing_model import PlayingModel
from rtrave.player.recorder import Recorder
from rtrave.player.run_memory import RunMemory
from rtrave.player.state_keeper import StateKeeper
from rtrave.player.supervisor import NoDeviceError, Supervisor
from rtrave.player.swap import ModelSwap
from rtrave.player.take import new_take
from rtrave.player.view import View, Viewer
from rtrave.player.web_wiring import Web
from rtrave.session.writer import SessionWriter

POLL_S = 0.05


class LiveRun:
    """All parts of one run; as a context manager it ends them in the right order, whatever happened.

    Control process. `loop` belongs to the main thread.

    Attributes
    ----------
    monitor : Monitor
        Numbers of the last hops.
    osc : OscServer
    """

    def __init__(self, options: LiveOptions, model: ModelFacts, instrument: Instrument, console: Console) -> None:
        self._options, self._instrument = options, instrument
        self._display = Display(console)
        self._note = self._display.note
        self._controls = instrument.controls
        self._stop = threading.Event()
        self._playing = PlayingModel(model)
        with contextlib.ExitStack() as stack:  # the parts that were made end where a later one fails
            self._make_sound(stack)
            self._make_network(stack)
            self._make_swap()
            self._stack = stack.pop_all()

    def _make_sound(self, stack: contextlib.ExitStack) -> None:
        """Make the parts between the audio process and the disk."""
        options, model, controls = self._options, self._playing.facts(), self._controls
        self._folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rtrave-")))
        second = 0 if options.audio.second_input is None else model.channels
        self._memory = RunMemory(model, controls.layout, second)
        stack.callback(self._memory.close)
        self._memory.publish(controls.values)
        self.monitor = Monitor(model.spec, controls.layout, model.latent_pca, model.latent_mean, model.hop)
        self._recorder = Recorder(self._memory.shared, self.monitor, options.sessions_dir, self._new_take)
        audio = self._with_null_sound() if options.audio.device is None else options.audio
        log = options.log or self._folder / "audio-process.log"
        self._supervisor = Supervisor(audio, options.graph, self._memory.shared, log)
        self._faults = FaultNotes(self._memory, self.monitor, self._recorder, self._note)
        self._viewer = Viewer(options, self._memory, self.monitor, self._supervisor, self._recorder, self._faults)

    def _make_network(self, stack: contextlib.ExitStack) -> None:
        """Make the OSC server, and the parts that it reaches or that act on its thread."""
        options, controls, instrument = self._options, self._controls, self._instrument
        shape = replace(self._playing.facts().shape, latent_frames=1, hop=options.hop)
        self._preparation = ModelPreparation(shape, self._playing.facts)
        readers = osc_readers(self._playing.spec, self.monitor, self._recorder, self._viewer.status, instrument)
        self.osc = OscServer(
            controls,
            self._memory.publish,
            osc_actions(self._recorder, self._preparation.request) | instrument.actions(),
            readers,
            bind=options.osc_bind,
            port=options.osc_port,
            targets=[parse_target(target) for target in options.osc_targets],
        )
        stack.callback(self.osc.stop)
        self._clips = Clips(
            options.clips_dir,
            options.graph,
            self._folder,
            controls,
            self._supervisor.send_clips,
            self.osc.submit,
            self._note,
            second_input=options.audio.second_input is not None,
        )
        instrument.choose_source = self._clips.choose
        self._calibrations = CalibrationStore(options.calibration, self._note)
        self._live_calibration = LiveCalibration(
            self.monitor.gatherer, self._playing.facts, controls, self._calibrations.save, self.osc.submit
        )
        self._web = Web(options, controls, readers, self.osc, self._playing.spec().name)

    def _make_swap(self) -> None:
        """Make the parts that change the model."""
        self._keeper = StateKeeper(self._instrument, self._options.state, self._note)
        change = ModelChange(
            self._playing,
            self._memory,
            self._instrument,
            self.monitor,
            self._recorder,
            self._keeper,
            self._calibrations,
            self._live_calibration,
            self._clips,
            self._supervisor,
            self.osc,
            self._web,
            self._note,
        )
        self._swap = ModelSwap(
            self._preparation,
            self._prepare_memory,
            self._memory.discard,
            self._supervisor.send,
            change.adopt,
            self._announce,
        )
        self._notices = NoticeHandler(self._swap, self._recorder, self._note, self._options.log)

    def __enter__(self) -> LiveRun:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def start(self) -> None:
        """Start the sound, the recorder and the OSC server; RtraveError where one of them cannot."""
        try:
            self._supervisor.start()
        except NoDeviceError as error:
            self._note(f"{error}; playing the null device: a recorded sound in, no sound out")
            self._supervisor.options = self._with_null_sound()
            self._supervisor.start()
        self._stack.callback(self._supervisor.stop)
        for note in device_notes(self._supervisor.device):
            self._note(note)
        if self._options.record:
            self._recorder.start()
        self._recorder.run()
        self._stack.callback(self._recorder.close)
        self._web.start(self._stack, self._note)
        self.osc.start()

    def stop(self) -> None:
        """Ask the loop to end. Any thread, any signal handler."""
        self._stop.set()

    def loop(self) -> None:
        """Watch and show until the run is over."""
        duration_s = self._options.duration_s
        with self._display.running(self.view) as show:
            while not self._stop.wait(POLL_S):
                for notice in self._supervisor.poll():
                    self._notices.handle(notice)
                self._keeper.poll(time.monotonic())
                self._swap.poll(self._playing.index + 1, float(self._controls.get("/rtrave/model/fade")[0]))
                self._faults.poll()
                show(self.view())
                if duration_s is not None and self._playing.played_s(self.latent_frame) >= duration_s:
                    break

    def finish(self) -> None:
        """End all parts, and print the counts, the last faults and the folder of the take."""
        self._stack.close()
        self._keeper.save()
        self._faults.poll()
        for line in terminal.closing_lines(self.view(), self._recorder.failure, self._recorder.folder):
            self._display.say(line)

    def view(self) -> View:
        """Return the state of the run."""
        return self._viewer.view(self.osc, self._controls.values, self._display.notes())

    @property
    def osc_port(self) -> int:
        """Port that OSC listens on."""
        return self.osc.port

    @property
    def audio_pid(self) -> int | None:
        """Process id of the audio process; None while there is none."""
        return self._supervisor.pid

    @property
    def latent_frame(self) -> int:
        """First latent frame of the next hop."""
        return int(self._memory.shared.status.get("latent_frame"))

    @property
    def take_folder(self) -> Path | None:
        """Folder of the present or the last take."""
        return self._recorder.folder

    def _with_null_sound(self) -> RunOptions:
        options, model = self._options, self._playing.facts()
        return with_null_sound(options.audio, options.input_file, model.spec.sample_rate, model.channels, self._folder)

    def _new_take(self, folder: Path) -> SessionWriter:
        device, layout = self._supervisor.device, self._controls.layout
        return new_take(folder, self._options, self._playing.facts(), device, layout)

    def _prepare_memory(self, model: ModelFacts) -> SharedSection | None:
        return self.osc.submit(partial(self._memory.prepare, model, self._controls.values)).result()

    def _announce(self, address: str, types: str, values: tuple[Any, ...]) -> None:
        self.osc.announce(address, types, values)
        if address == "/rtrave/error":
            self._note(f"{values[0]}: {values[-1]}")
