"""The callback of a run as the audio process makes it: a real engine on a tiny model, and one to crossfade to."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rtrave.audio.buffering import Buffering
from rtrave.audio.crossfader import Crossfader
from rtrave.audio.driver import Driver
from rtrave.audio.driver_state import DriverState
from rtrave.audio.host import Host
from rtrave.audio.opening import Plan, make_driver
from rtrave.audio.routing import default_inputs, default_outputs
from rtrave.audio.warm_up import settle
from rtrave.engine.engine import Engine, open_engine
from rtrave.ipc.options import BufferingMode, RunOptions
from rtrave.ipc.shared_memory import Shared, create
from rtrave.ipc.shared_spec import spec_for
from tests.audio.fake import Stamps

BLOCK = 64


@dataclass
class RealRun:
    """A callback, and everything behind it; the device is the caller."""

    shared: Shared
    plan: Plan
    engine: Engine
    crossfader: Crossfader
    stamps: Stamps
    indata: np.ndarray
    outdata: np.ndarray
    incoming: Driver | None = None

    def call(self) -> None:
        """One callback, without anything of the test in it."""
        self.crossfader(self.indata, self.outdata, BLOCK, self.stamps, None)

    def bring_in(self, graph: Path, preroll: int, fade: int) -> Driver:
        """Begin a crossfade to a second engine, as the loader does."""
        engine = open_engine(graph, seed=1)
        settle(engine, 0)
        self.incoming, _ = make_driver(self.plan, engine, self.shared, 0.0, DriverState.PREROLL, model_index=1)
        self.incoming.start()
        self.crossfader.bring_in(self.incoming, preroll, fade)
        return self.incoming

    def close(self) -> None:
        for driver in (self.crossfader.driver, self.incoming):
            if driver is not None:
                driver.stop()
        self.shared.unlink()


def real_run(graph: Path, buffering: BufferingMode, device_rate: int) -> RealRun:
    """A run at blocks of 64 samples whose engine has settled; its inference thread is not started."""
    engine = open_engine(graph)
    shared = create(spec_for(engine.channels, engine.dims, engine.latent_frames, engine.layout.size, engine.hop))
    shared.controls.write(engine.layout.defaults())
    host = Host(shared.status, device_rate, default_inputs(1, 2), default_outputs(1, 2))
    plan = Plan(RunOptions(None, buffering=buffering), host, Buffering(BLOCK, BLOCK, BLOCK))
    settle(engine, 0)
    driver, _ = make_driver(plan, engine, shared, 0.0)
    sound = 0.1 * np.random.default_rng(0).standard_normal((BLOCK, 2))
    outdata = np.zeros((BLOCK, 2), np.float32)
    return RealRun(
        shared, plan, engine, Crossfader(host, driver), Stamps(device_rate), sound.astype(np.float32), outdata
    )
