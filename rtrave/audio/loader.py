"""Load another model into a running audio process: open and warm it beside the sound, then crossfade to it.

Opening a session of ONNX Runtime costs up to 6 ms of the interpreter's lock, ending one up to 18 ms. So the loader
keeps a few engines whose models may be loaded again, and releases the oldest one right after a hop, when the time to
the next one is longest.
"""

from __future__ import annotations

import gc
import os
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from rtrave.audio.driver_state import DriverState
from rtrave.audio.opening import Opened, Plan, make_driver
from rtrave.audio.warm_up import measure, settle
from rtrave.errors import RtraveError
from rtrave.ipc.device_facts import DeviceFacts, DriverFacts, Granted
from rtrave.ipc.messages import Event, Load, Loaded, LoadFailed, Start
from rtrave.ipc.options import RunOptions
from rtrave.ipc.shared_memory import Shared, attach

if TYPE_CHECKING:
    from rtrave.engine.engine import Engine

KEPT_ENGINES = 3  # with the one that plays
NICE_BESIDE = 10
MEASURE_S = 0.2
TAKE_OVER_LIMIT_S = 10.0


def check_shared(shared: Shared, engine: Engine) -> None:
    """Refuse shared memory that was created for a model of another shape, in one line."""
    spec = shared.spec
    found = (spec.channels + spec.second, spec.channels, spec.dims, spec.latent_frames, spec.controls)
    needed = (engine.inputs, engine.channels, engine.dims, engine.latent_frames, engine.layout.size)
    if found != needed:
        names = "(inputs, channels, dims, latent frames, controls)"
        raise RtraveError(f"shared memory: expected {names} of the model {needed}, got {found}: start again")


def open_for(open_engine: Callable[..., Engine], options: RunOptions, graph: Path) -> Engine:
    """Open the engine of a graph with the options of the run."""
    second = options.second_input is not None
    return open_engine(graph, seed=options.seed, threads=options.threads, second_input=second)


def describe(opened: Opened, engine: Engine, granted: Granted) -> DeviceFacts:
    """Collect the facts of an open device for the control process."""
    return DeviceFacts(engine.sample_rate, engine.hop, granted, opened.driver, opened.ports)


def one_line(error: Exception) -> str:
    """Return the text of an error on one line, with its type where it is not an RtraveError."""
    text = str(error) if isinstance(error, RtraveError) else f"{type(error).__name__}: {error}"
    return " ".join(text.split())


class Loader:
    """Loader of one model at a time, on a thread of its own.

    Parameters
    ----------
    start : Start
        The command that the process was started with.
    opened : Opened
    granted : Granted
    shared : Shared
    engine : Engine
        The one that plays.
    open_engine : callable
        (graph, *, seed, threads, second_input) -> Engine.
    report : callable
        (event) -> None; any thread.
    """

    def __init__(
        self,
        start: Start,
        opened: Opened,
        granted: Granted,
        shared: Shared,
        engine: Engine,
        open_engine: Callable[..., Engine],
        report: Callable[[Event], None],
    ) -> None:
        self._options, self._opened, self._granted, self._shared = start.options, opened, granted, shared
        self._open_engine, self._report = open_engine, report
        self._engines = {start.graph: engine}  # the one that plays is last
        self._busy = False

    @property
    def playing(self) -> Engine:
        """The engine that plays."""
        return self._engines[next(reversed(self._engines))]

    def load(self, command: Load) -> None:
        """Start to load a model, and return at once; `Loaded` or `LoadFailed` is reported later."""
        if self._busy:
            self._report(LoadFailed(command.graph, "another model is being loaded: try again"))
            return
        self._busy = True
        threading.Thread(target=self._run, args=(command,), name="loader", daemon=True).start()

    def _run(self, command: Load) -> None:
        try:
            facts = self._change(command)
            self._release_oldest()
        except Exception as error:  # whatever it is, the old model plays on
            self._busy = False
            self._report(LoadFailed(command.graph, one_line(error)))
            return
        self._busy = False
        self._report(Loaded(command.graph, facts))

    def _change(self, command: Load) -> DeviceFacts:
        """Open the model, crossfade to it, and let it publish."""
        graph, plan = command.graph, self._opened.plan
        if graph == next(reversed(self._engines)):
            raise RtraveError("this model plays already: choose another one")
        engine, compute_s = self._open_beside(graph)
        if engine.channels != len(plan.host.outputs):
            raise RtraveError(
                f"expected a model of {len(plan.host.outputs)} channels, got {engine.channels}: start a run with it"
            )
        shared = self._shared if command.shared is None else attach(command.shared)
        check_shared(shared, engine)
        settle(engine, int(self._shared.status.get("latent_frame")))
        driver_facts = self._take_over(engine, shared, plan, compute_s, command)
        self._shared = shared
        self._opened = replace(self._opened, driver=driver_facts)
        self._engines[graph] = self._engines.pop(graph)
        return describe(self._opened, engine, self._granted)

    def _take_over(self, engine: Engine, shared: Shared, plan: Plan, compute_s: float, command: Load) -> DriverFacts:
        """Crossfade from the driver that plays to a new one for this engine, and return the facts of the new one."""
        old, crossfader, host = self._opened.crossfader.driver, self._opened.crossfader, plan.host
        driver, facts = make_driver(
            plan, engine, shared, compute_s, DriverState.PREROLL, model_index=command.model_index
        )
        driver.start()
        rate = host.sample_rate / engine.sample_rate
        preroll = round((driver.buffering_samples + engine.dry_delay) * rate + facts.resampler_s * host.sample_rate)
        crossfader.bring_in(driver, preroll, round(command.fade_ms / 1000 * host.sample_rate))
        if not crossfader.wait(TAKE_OVER_LIMIT_S + preroll / host.sample_rate):
            crossfader.give_up()
            driver.stop()
            raise RtraveError("the device does not call back: the old model stays")
        old.stop()
        if shared is not self._shared:
            shared.status.continue_from(self._shared.status)
            host.move_counts(shared.status)
        driver.state = DriverState.LIVE
        return facts

    def _open_beside(self, graph: Path) -> tuple[Engine, float]:
        """Return the engine and its compute time, opened and measured by a thread of low priority."""
        result: list[tuple[Engine, float] | Exception] = []

        def work() -> None:
            # Threads of a session would inherit the low priority of the thread that opens it.
            if hasattr(os, "setpriority") and self._options.threads == 1:
                os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE_BESIDE)
            try:
                engine = self._engines.get(graph)
                if engine is None:
                    engine = open_for(self._open_engine, self._options, graph)
                    self._engines = {graph: engine, **self._engines}
                result.append((engine, measure(engine, MEASURE_S, rest_s=0.002)))
            except Exception as error:
                self._engines.pop(graph, None)
                result.append(error)

        worker = threading.Thread(target=work, name="opening", daemon=True)
        worker.start()
        worker.join()
        if isinstance(result[0], Exception):
            raise result[0]
        return result[0]

    def _release_oldest(self) -> None:
        while len(self._engines) > KEPT_ENGINES:
            graph = next(iter(self._engines))
            hops, limit_s = self._shared.status.get("hops"), time.monotonic() + 1.0
            while self._shared.status.get("hops") == hops and time.monotonic() < limit_s:
                time.sleep(0.001)
            del self._engines[graph]
            gc.collect()  # automatic collection is off in this process, and what was there at the start is frozen
