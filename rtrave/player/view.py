"""The state of a live run at one moment, as the terminal shows it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from rtrave.control.vector import Vector
from rtrave.ipc.device_facts import DeviceFacts
from rtrave.osc.server import OscServer
from rtrave.player.fault_notes import FaultNotes
from rtrave.player.faults import Fault
from rtrave.player.latency import Latency, latency_of
from rtrave.player.monitor import Monitor
from rtrave.player.options import LiveOptions
from rtrave.player.recorder import Recorder
from rtrave.player.run_memory import RunMemory
from rtrave.player.supervisor import Supervisor


@dataclass
class View:
    """Everything that one refresh shows.

    Attributes
    ----------
    monitor : Monitor
    latency : Latency
    device : DeviceFacts
    counts : dict
        The status block.
    controls : float64 [layout.size]
    osc : str
        Where OSC listens, and what it received.
    take : str
        Where the take goes, or why none does.
    log : str
        The log file, "" without one.
    uptime_s : float
    playing : bool
    restarts : int
    faults : list of Fault
        The last ones, oldest first.
    notes : list of str
        The latest messages.
    """

    monitor: Monitor
    latency: Latency
    device: DeviceFacts
    counts: dict[str, float]
    controls: Vector
    osc: str
    take: str
    uptime_s: float
    playing: bool
    restarts: int
    faults: list[Fault] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    log: str = ""


class Viewer:
    """Reader of the state of a run from its parts. Any thread of the control process.

    Parameters
    ----------
    options : LiveOptions
    memory, monitor, supervisor, recorder, faults
        Parts of the run.
    """

    def __init__(
        self,
        options: LiveOptions,
        memory: RunMemory,
        monitor: Monitor,
        supervisor: Supervisor,
        recorder: Recorder,
        faults: FaultNotes,
    ) -> None:
        self._options, self._memory, self._monitor = options, memory, monitor
        self._supervisor, self._recorder, self._faults = supervisor, recorder, faults
        self._began_s = time.monotonic()

    def view(self, osc: OscServer, controls: Vector, notes: list[str]) -> View:
        """Return the state now; `controls`: float64 [layout.size], `notes`: the latest messages."""
        received, refused = osc.counts.received, sum(osc.counts.refused.values())
        return View(
            monitor=self._monitor,
            latency=latency_of(self._monitor.spec, self._supervisor.device),
            device=self._supervisor.device,
            counts=self._memory.shared.status.as_dict(),
            controls=controls,
            osc=f"udp {self._options.osc_bind}:{osc.port}, {received} messages, {refused} refused",
            take=self._take(),
            log=str(self._options.log or ""),
            uptime_s=self.uptime_s,
            playing=self._supervisor.playing,
            restarts=self._supervisor.restarts,
            faults=self._faults.last,
            notes=notes,
        )

    def status(self) -> tuple[int, float, float, int]:
        """Return the values of `/rtrave/status`: late hops, load, latency in ms, uptime in s."""
        late = int(self._memory.shared.status.get("late_hops"))
        latency_ms = latency_of(self._monitor.spec, self._supervisor.device).total_ms
        return late, self._monitor.load, latency_ms, int(self.uptime_s)

    @property
    def uptime_s(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._began_s

    def _take(self) -> str:
        recorder = self._recorder
        if recorder.failure:
            return recorder.failure
        return f"recording to {recorder.folder}, {recorder.seconds:.0f} s" if recorder.recording else "not recording"
