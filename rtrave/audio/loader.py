"""Loads another model into a running audio process: opened and warmed beside the sound, then crossfaded in.

Opening a session costs up to 6 ms of the interpreter's lock, ending one up to 18 ms. So engines are kept for when they
are wanted again, and the oldest of several is let go right after a hop was computed, when there is the most time.
"""

from __future__ import annotations

import gc
import os
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rtrave.audio.opening import Config, Opened, make_driver
from rtrave.audio.warm_up import measure, settle
from rtrave.errors import RtraveError
from rtrave.ipc.shared_memory import Shared, SharedSpec, attach

if TYPE_CHECKING:
    from rtrave.engine.engine import Engine

KEPT_ENGINES = 3  # with the one that plays
NICE_BESIDE = 10
MEASURE_S = 0.2
TAKE_OVER_LIMIT_S = 10.0
FADE_MS = 100.0


def check_shared(shared: Shared, engine: Engine) -> None:
    """Refuse shared memory that was made for a model of another shape, in one line."""
    spec = shared.spec
    came = (spec.channels + spec.second, spec.channels, spec.dims, spec.latent_frames, spec.controls)
    needed = (engine.inputs, engine.channels, engine.dims, engine.latent_frames, engine.layout.size)
    if came != needed:
        names = "(inputs, channels, dims, latent frames, controls)"
        raise RtraveError(f"shared memory was made for {names} {came}, the model has {needed}: start again")


def open_configured(open_engine: Callable[..., Engine], config: Config, graph: str) -> Engine:
    """An engine as the run's configuration wants it."""
    second = config.second_input is not None
    return open_engine(Path(graph), seed=config.seed, threads=config.threads, second_input=second)


class Loader:
    """Does one load at a time, on a thread of its own.

    Parameters
    ----------
    config : Config
        Of the run.
    opened : Opened
    shared : Shared
    engine : Engine
        The one that plays.
    open_engine : callable
        (graph, *, seed, threads, second_input) -> Engine.
    tell : callable
        (event, **facts); any thread.
    """

    def __init__(
        self,
        config: Config,
        opened: Opened,
        shared: Shared,
        engine: Engine,
        open_engine: Callable[..., Engine],
        tell: Callable[..., None],
    ) -> None:
        self._config, self._opened, self._shared = config, opened, shared
        self._open_engine, self._tell = open_engine, tell
        self._engines = {config.graph: engine}  # the last one played is last
        self._busy = False

    @property
    def playing(self) -> Engine:
        """The engine that plays."""
        return self._engines[next(reversed(self._engines))]

    def load(self, command: dict[str, Any]) -> None:
        """Begin: {"graph": folder, "model": as in `Config`, "fade_ms": F, "shared": as in `Config`, only where the
        shape is another}.

        Told later: "loaded" with what is told of a device, or "load-failed" with a message.
        """
        if self._busy:
            self._tell("load-failed", graph=command.get("graph"), message="another model is being loaded: try again")
            return
        self._busy = True
        threading.Thread(target=self._run, args=(command,), name="loader", daemon=True).start()

    def _run(self, command: dict[str, Any]) -> None:
        graph = str(command.get("graph"))
        try:
            told = self._swap(graph, command)
            self._let_go()
        except Exception as error:  # whatever it is, the old model plays on
            text = str(error) if isinstance(error, RtraveError) else f"{type(error).__name__}: {error}"
            self._busy = False
            self._tell("load-failed", graph=graph, message=" ".join(text.split()))
            return
        self._busy = False
        self._tell("loaded", graph=graph, **told)

    def _swap(self, graph: str, command: dict[str, Any]) -> dict[str, Any]:
        fade_ms, section = float(command.get("fade_ms", FADE_MS)), command.get("shared")
        old = self._opened.deck.driver
        if graph == next(reversed(self._engines)):
            raise RtraveError("it plays already")
        engine, compute_s = self._beside(graph)
        host, deck = self._opened.host, self._opened.deck
        if engine.channels != len(host.outputs):
            raise RtraveError(f"the model has {engine.channels} channels, this run {len(host.outputs)}: start anew")
        shared = self._shared
        if section is not None:
            shared = attach(Path(section["path"]), SharedSpec(**section["spec"]))
        check_shared(shared, engine)
        settle(engine, int(self._shared.status.get("latent_frame")))
        driver, told = make_driver(
            self._config,
            engine,
            host,
            shared,
            self._opened.plan,
            compute_s,
            publishing=False,
            model=int(command.get("model", 0)),
        )
        driver.start()
        rate = host.sample_rate / engine.sample_rate
        preroll = round((driver.buffering_samples + engine.dry_delay) * rate + told["resampler_s"] * host.sample_rate)
        deck.bring_in(driver, preroll, round(fade_ms / 1000 * host.sample_rate))
        if not deck.wait(TAKE_OVER_LIMIT_S + preroll / host.sample_rate):
            deck.give_up()
            driver.stop()
            raise RtraveError("the device does not call: the old model stays")
        old.stop()
        if shared is not self._shared:
            shared.status.go_on_from(self._shared.status)
            host.move_counts(shared.status)
        driver.publish_from_now()
        self._shared = shared
        self._opened = replace(self._opened, told=self._opened.told | told)
        self._engines[graph] = self._engines.pop(graph)
        return self._opened.told | {"sample_rate": engine.sample_rate, "hop": engine.hop}

    def _beside(self, graph: str) -> tuple[Engine, float]:
        """The engine and its compute time, by a thread that others go before."""
        result: list[Any] = []

        def work() -> None:
            # Threads of a session would keep the low priority of the one that made them.
            if hasattr(os, "setpriority") and self._config.threads == 1:
                os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE_BESIDE)
            try:
                engine = self._engines.get(graph)
                if engine is None:
                    engine = open_configured(self._open_engine, self._config, graph)
                    self._engines = {graph: engine, **self._engines}
                result.extend((engine, measure(engine, MEASURE_S, rest_s=0.002)))
            except Exception as error:
                self._engines.pop(graph, None)
                result.append(error)

        worker = threading.Thread(target=work, name="opening", daemon=True)
        worker.start()
        worker.join()
        if isinstance(result[0], Exception):
            raise result[0]
        return result[0], result[1]

    def _let_go(self) -> None:
        while len(self._engines) > KEPT_ENGINES:
            graph = next(iter(self._engines))
            hops, limit_s = self._shared.status.get("hops"), time.monotonic() + 1.0
            while self._shared.status.get("hops") == hops and time.monotonic() < limit_s:
                time.sleep(0.001)
            del self._engines[graph]
            gc.collect()  # it is off in this process; what was there at the start is frozen
