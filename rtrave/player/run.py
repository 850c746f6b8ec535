"""The composition root of a live run: makes every part, connects them, and runs until it is told to stop."""

from __future__ import annotations

import contextlib
import signal
import tempfile
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.console import Console

from rtrave.audio.priority import missing
from rtrave.backends.facts import ModelFacts
from rtrave.control.calibration import Calibration, calibrate, save
from rtrave.control.calibration import find as find_calibration
from rtrave.control.instrument import Instrument
from rtrave.control.persisted import calibration_path, state_path
from rtrave.errors import RtraveError
from rtrave.ipc.shared_memory import Shared, section
from rtrave.osc.listeners import parse_target
from rtrave.osc.server import OscServer
from rtrave.player import terminal
from rtrave.player.clips import Clips
from rtrave.player.display import Display
from rtrave.player.faults import Faults
from rtrave.player.feedback_watch import FeedbackWatch, built_in_loop
from rtrave.player.live_calibration import LiveCalibration
from rtrave.player.monitor import Monitor, latency_of
from rtrave.player.options import LiveOptions, null_input, session_header
from rtrave.player.osc_wiring import osc_actions, osc_readers
from rtrave.player.recorder import Recorder
from rtrave.player.run_memory import RunMemory
from rtrave.player.state_keeper import StateKeeper
from rtrave.player.supervisor import NoDeviceError, Supervisor
from rtrave.player.swap import ModelSwap, Wanted
from rtrave.player.web_wiring import Web
from rtrave.session.writer import SessionWriter
from rtrave.streaming.stream import attributes_of

POLL_S = 0.05


class LiveRun:
    """All parts of one run; the context manager ends them in the right order, whatever happened.

    Control process. `loop` belongs to the main thread.

    Attributes
    ----------
    monitor : Monitor
        The numbers of the last hops.
    osc : OscServer
    """

    def __init__(self, options: LiveOptions, model: ModelFacts, instrument: Instrument, console: Console) -> None:
        self._options, self._model, self._instrument = options, model, instrument
        self._display = Display(console)
        self._note = self._display.note
        self._controls = instrument.controls
        self._stop = threading.Event()
        self._played_s, self._counted_from = 0.0, 0  # by models before, and up to this latent frame
        self._calibration = options.calibration  # where what is learned of the model that plays is kept
        self._faults, self._howl = Faults(), FeedbackWatch()
        self._began_s = time.monotonic()
        with contextlib.ExitStack() as stack:  # what is made before something fails goes away again
            self._make_parts(stack)
            self._stack = stack.pop_all()

    def _make_parts(self, stack: contextlib.ExitStack) -> None:
        options, model, controls = self._options, self._model, self._controls
        spec = model.spec
        self._folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rtrave-")))
        self._second = model.channels if options.second_input else 0
        self._room = RunMemory(model, controls.layout, self._second)
        stack.callback(self._room.close)
        self._room.publish(controls.values)
        self._keeper = StateKeeper(self._instrument, options.state, self._note)
        self.monitor = Monitor(spec, controls.layout, model.latent_pca, model.latent_mean, model.hop)
        self._recorder = Recorder(self._shared, self.monitor, options.sessions_dir, self._new_writer)
        self._supervisor = self._make_supervisor(options.device)
        self._swap = ModelSwap(
            replace(model.shape, latent_frames=1, hop=options.hop),
            lambda: self._model,
            self._make_room,
            self._room.forget,
            self._send,
            self._adopt,
            self._announce,
        )
        readers = osc_readers(lambda: self._model.spec, self.monitor, self._recorder, self._status, self._instrument)
        self.osc = OscServer(
            controls,
            self._room.publish,
            osc_actions(self._recorder, self._swap.load) | self._instrument.actions(),
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
            lambda paths: self._supervisor.send_clips(paths),
            self.osc.submit,
            self._note,
            second_input=bool(self._second),
        )
        self._instrument.choose_source = self._clips.choose
        self._live_calibration = LiveCalibration(
            self.monitor.gatherer,
            lambda: self._model,
            controls,
            self._keep_calibration,
            self.osc.submit,
        )
        self._web = Web(options, controls, readers, self.osc, spec.name)

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
            self._supervisor = self._make_supervisor({"null": True})
            self._supervisor.start()
        self._stack.callback(self._supervisor.stop)
        device = self._supervisor.device
        if device["resampler_s"]:
            rates = f"the device runs at {device['device_rate']} Hz, the model at {device['sample_rate']} Hz"
            self._note(f"{rates}: resampled on both sides, which costs {1000 * device['resampler_s']:.1f} ms")
        if lacks := missing(device):
            self._note(f"the system grants no {' and no '.join(lacks)}: see docs/latency.md where hops come late")
        if loop := built_in_loop(device):
            self._note(loop)
        if self._options.record:
            self._recorder.start()
        self._recorder.run()
        self._stack.callback(self._recorder.close)
        self._web.start(self._stack, self._note)
        self.osc.start()

    @property
    def osc_port(self) -> int:
        """Where OSC listens."""
        return self.osc.port

    @property
    def audio_pid(self) -> int | None:
        """Process id of the audio process, None while there is none."""
        return self._supervisor.pid

    @property
    def latent_frame(self) -> int:
        """First latent frame of the next hop."""
        return int(self._shared.status.get("latent_frame"))

    @property
    def take_folder(self) -> Path | None:
        """Folder of the current or the last take."""
        return self._recorder.folder

    def stop(self) -> None:
        """Ask the loop to end. Any thread, any signal handler."""
        self._stop.set()

    def loop(self) -> None:
        """Watch and show until the run is over."""
        duration_s = self._options.duration_s
        with self._display.running(self.view) as show:
            while not self._stop.wait(POLL_S):
                self._supervisor.poll()
                self._keeper.poll(time.monotonic())
                self._swap.poll(float(self._controls.get("/rtrave/model/fade")[0]))
                self._note_faults()
                show(self.view())
                if duration_s is not None and self._seconds() >= duration_s:
                    break

    def _seconds(self) -> float:
        """How much has been played, by all models."""
        return self._played_s + (self.latent_frame - self._counted_from) / self._model.spec.latent_rate_hz

    def finish(self) -> None:
        """End everything and say what became of the take."""
        self._stack.close()
        self._keeper.save()
        counts = self._shared.status.as_dict()
        self._note_faults()
        say = self._display.say
        for fault in self._faults.last:
            say(f"  {fault}")
        say(f"played {counts['hops']:.0f} hops; {terminal.describe_counts(self.view())}")
        if self._recorder.failure:
            say(f"the take was cut short: {self._recorder.failure}")
        if self._recorder.folder:
            say(f"session {self._recorder.folder}")

    def view(self) -> terminal.View:
        """The state of the run."""
        recorder, options = self._recorder, self._options
        take = f"recording to {recorder.folder}, {recorder.seconds:.0f} s" if recorder.recording else "not recording"
        if recorder.failure:
            take = recorder.failure
        return terminal.View(
            monitor=self.monitor,
            latency=latency_of(self._model.spec, self._supervisor.device),
            device=self._supervisor.device,
            counts=self._shared.status.as_dict(),
            controls=self._controls.values,
            osc=f"udp {options.osc_bind}:{self.osc.port}, {self.osc.counts.received} messages, "
            f"{sum(self.osc.counts.refused.values())} refused",
            take=take,
            uptime_s=time.monotonic() - self._began_s,
            playing=self._supervisor.playing,
            restarts=self._supervisor.restarts,
            faults=list(self._faults.last),
            notes=self._display.notes(),
        )

    def _make_supervisor(self, device: dict[str, Any]) -> Supervisor:
        options = self._options
        if "null" in device:
            named = [*(options.input_channels or []), *(options.second_input or [])]
            sizes = (self._model.spec.sample_rate, self._model.channels)
            device = {"null": str(null_input(options.input_file, *sizes, named, self._folder))}
        config = {
            "shared": section(self._shared),
            "graph": str(options.graph),
            "device": device,
            "seed": options.seed,
            "threads": options.threads,
            "buffering": options.buffering,
            "block_size": options.block_size,
            "latency": options.latency,
            "host_settings": options.host_settings,
            "margin_ms": options.margin_ms,
            "late": options.late,
            "input_channels": options.input_channels,
            "output_channels": options.output_channels,
            "second_input": options.second_input,
        }
        return Supervisor(config, self._shared, self._folder / "audio-process.log", self._on_device)

    def _note_faults(self) -> None:
        for fault in self._faults.look(self._shared.status.as_dict()):
            self._recorder.event("fault", cause=fault.name, count=fault.count)
        peak_in, _, peak_out, _ = self.monitor.levels_db()
        if howl := self._howl.look(peak_in, peak_out, time.monotonic()):
            self._note(howl)

    def _on_device(self, what: str, *facts: Any) -> None:
        if what == "model":
            self._swap.heard(facts[0])
        elif what == "restart":
            gap_s, latent_frame = facts
            self._note(f"sound is back after {gap_s:.1f} s")
            self._recorder.event("restart", latent_frame, gap_s=round(gap_s, 3), resumes_at=latent_frame)
        else:
            if what == "lost":
                self._swap.lost()
                self._recorder.abandon()
            self._note(facts[0])
            self._recorder.event("device", text=facts[0])

    def _send(self, command: dict[str, Any]) -> bool:
        return self._supervisor.send(command)

    def _announce(self, address: str, types: str, values: tuple[Any, ...]) -> None:
        self.osc.announce(address, types, values)
        if address == "/rtrave/error":
            self._note(f"{values[0]}: {values[-1]}")

    @property
    def _shared(self) -> Shared:
        return self._room.shared

    def _make_room(self, model: ModelFacts) -> dict[str, Any] | None:
        return self.osc.submit(lambda: self._room.prepare(model, self._controls.values)).result()

    def _adopt(self, wanted: Wanted, told: dict[str, Any]) -> None:
        """Another model plays: a take belongs to one model, so the one that runs goes on in a new folder."""
        model, before = wanted.facts, self._model.spec
        frame = self.latent_frame
        self._played_s += (frame - self._counted_from) / before.latent_rate_hz
        self._counted_from = frame
        self._recorder.event("model", name=model.spec.name, hash=model.model_hash)
        self._recorder.pause()
        self._keeper.save()
        calibration = find_calibration(wanted.path, model.spec.name, model.model_hash, self._note)
        self.osc.submit(lambda: self._change_controls(model, calibration)).result()
        self._supervisor.plays(str(wanted.graph), self._swap.count, told, self._shared)
        self._recorder.go_on(self._swap.count, self._shared)
        self._clips.adopt_graph(wanted.graph)
        self._note(f"{model.spec.name} plays instead of {before.name}")
        if model.spec.full_latent_size != before.full_latent_size:
            self._announce("/rtrave/model/dims", "i", (model.spec.full_latent_size,))

    def _change_controls(self, model: ModelFacts, calibration: Calibration | None) -> None:
        """From the addresses of one model to those of another, in one piece. OSC thread."""
        spec = model.spec
        with self._web.changing():
            self._model = model
            if self._calibration is not None:
                self._calibration = calibration_path(spec.name, model.model_hash)
            self._room.take_over()
            self._instrument.adopt(self._room.layout, attributes_of(spec), spec.fidelity)
            if calibration is not None:
                calibrate(self._controls, calibration)
            self.monitor.adopt(spec, self._room.layout, model.latent_pca, model.latent_mean, model.hop)
            self._live_calibration.reset()
            self._keeper.adopt(state_path(spec.name, model.model_hash))
            self.osc.adopt_controls()
            self._web.adopt_controls()

    def _new_writer(self, folder: Path) -> SessionWriter:
        spec = self._model.spec
        return SessionWriter(
            folder,
            session_header(self._options, self._model, self._supervisor.device),
            spec.sample_rate,
            self._model.channels,
            self._controls.layout.dims,
            self._model.shape.latent_frames,
            self._controls.layout,
            second=self._second,
        )

    def _status(self) -> tuple[int, float, float, int]:
        """Late hops, load, latency in ms, uptime in s."""
        late = int(self._shared.status.get("late_hops"))
        latency_ms = latency_of(self._model.spec, self._supervisor.device).total_ms
        return late, self.monitor.load, latency_ms, int(time.monotonic() - self._began_s)

    def _keep_calibration(self, calibration: Calibration) -> None:
        try:
            if self._calibration is not None:
                save(calibration, self._calibration)
            self._note(f"calibrated from {calibration.seconds:.0f} s of the live input")
        except RtraveError as error:
            self._note(f"the calibration is in use, but not kept: {error}")


def run_live(options: LiveOptions, model: ModelFacts, instrument: Instrument) -> int:
    """Play until the duration is over, Ctrl-C or a termination signal; the exit code."""
    with LiveRun(options, model, instrument, Console()) as live:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: live.stop())
        live.start()
        live.loop()
        live.finish()
    return 0
