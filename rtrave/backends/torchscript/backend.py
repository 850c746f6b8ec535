"""A third-party TorchScript file as encoder and decoder of a stream. Needs no torch.

A device's callback must not call it: every call waits for the worker process.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from rtrave.backends.backend import Capabilities, Signal, States
from rtrave.backends.pipeline import HopWork, ImmediatePipeline
from rtrave.backends.torchscript.facts import ProbedScript
from rtrave.backends.torchscript.plan import create_block
from rtrave.backends.torchscript.process import Worker, WorkerLostError
from rtrave.errors import RtraveError

START_LIMIT_S = 60.0
CALL_LIMIT_S = 2.0  # for one call, where it must keep time
PATIENT_LIMIT_S = 60.0  # for one call, where nothing waits for it


class TorchScriptBackend:
    """A TorchScript file as encoder and decoder, one hop at a time; see `Backend`. Every call waits for the worker.

    An effect has no latents: `decode` plays the input of the last `encode`. A file that only encodes returns that
    input. A worker that hangs or dies is ended, and the next call starts another one, in the state after loading.

    Parameters
    ----------
    script : ProbedScript
    threads : int
        Threads of torch.

    Attributes
    ----------
    limit_s : float
        Longest time of one call; after that the worker is killed.
    restarts : int
        Workers that were started after the first.
    """

    def __init__(self, script: ProbedScript, threads: int = 1) -> None:
        self._script, self._plan, self._threads = script, script.plan, threads
        self.facts = script.facts
        self.capabilities = Capabilities(second_input=False, snapshots=False)
        self.limit_s = PATIENT_LIMIT_S
        self.restarts = -1
        self._input = np.zeros((self._plan.channels, self._plan.hop), np.float32)
        self._worker: Worker | None = None
        self._start()

    def clone(self) -> TorchScriptBackend:
        """See `Backend`: another worker process."""
        return TorchScriptBackend(self._script, self._threads)

    def encode(self, x: Signal) -> tuple[Signal, Signal]:
        """See `Backend`: the deviation is zero, and the latents too where the file only decodes."""
        plan = self._plan
        self._input[...] = x[0].T
        mean = np.zeros((1, plan.latent_frames, plan.dims), np.float32)
        if plan.encode:
            self._ready()
            self._send_input()
            self._ask("encode")
            mean[0] = self._block.z_in.T
        return mean, np.zeros_like(mean)

    def draw_shapes(self) -> dict[str, tuple[int, int]]:
        """See `Backend`: none, since the file makes its own random draws."""
        return {}

    def decode(self, z: Signal, draws: Mapping[str, Signal] | None = None) -> Signal:
        """See `Backend`."""
        plan = self._plan
        if plan.outputs == 0:
            return self._input.T[None].copy()
        self._ready()
        if plan.decode:
            self._block.z_out[...] = z[0].T
            self._ask("decode")
        else:
            self._send_input()
            self._ask("effect")
        y = np.zeros((1, plan.hop, plan.channels), np.float32)
        y[0, :, : plan.outputs] = self._block.y.T
        if plan.outputs == 1:  # one channel plays on all
            y[...] = y[:, :, :1]
        return y

    def state(self) -> States:
        """See `Backend`: none, since the file's state is out of reach."""
        return {}

    def reset(self) -> None:
        """See `Backend`: the file returns to its state after loading."""
        self._ready()
        self._ask("reset")

    def snapshot(self) -> States:
        """See `Backend`: refused."""
        raise RtraveError(f"{self.facts.spec.name} is a third-party TorchScript file: its state cannot be read")

    def restore(self, states: Mapping[str, Signal]) -> None:
        """See `Backend`: refused."""
        raise RtraveError(f"{self.facts.spec.name} is a third-party TorchScript file: its state cannot be set")

    def pipeline(self, work: HopWork) -> ImmediatePipeline:
        """See `Backend`: at once, waiting for the worker."""
        return ImmediatePipeline(work)

    def limit_calls(self) -> None:
        """Kill a worker that takes longer than `CALL_LIMIT_S` for a call, from now on."""
        self.limit_s = CALL_LIMIT_S

    def close(self) -> None:
        """End the worker."""
        if self._worker is not None:
            self._worker.kill()
        self._worker = None

    @property
    def worker_pid(self) -> int | None:
        """Process id of the worker, None while there is none."""
        return self._worker.process.pid if self._worker else None

    def _send_input(self) -> None:
        """Write the input for the file: mixed where it takes one channel of several, else its first channels."""
        inputs = self._plan.inputs
        self._block.x[...] = self._input.mean(axis=0) if inputs == 1 else self._input[:inputs]

    def _ready(self) -> None:
        if self._worker is None:
            self._start()

    def _start(self) -> None:
        script = self._script
        # Each worker has a block of its own, since the old one may still write.
        self._worker, self._block = Worker(), create_block(script.plan)
        request = {
            "path": str(script.source),
            "hash": self.facts.model_hash,
            "attributes": script.attributes,
            "plan": script.plan.to_json(),
            "block": str(self._block.path),
            "threads": self._threads,
        }
        try:
            self._ask("open", START_LIMIT_S, **request)
        except RtraveError:
            self.close()
            raise
        finally:
            self._block.path.unlink(missing_ok=True)  # both have it mapped; nothing is left behind after a kill
        self.restarts += 1

    def _ask(self, what: str, limit_s: float | None = None, **more: Any) -> None:
        assert self._worker is not None
        try:
            self._worker.ask({"do": what, **more}, limit_s or self.limit_s)
        except WorkerLostError as error:
            self.close()
            raise RtraveError(f"{self._script.source.name} {error}: it restarts") from error
        except RtraveError as error:
            raise RtraveError(f"{self._script.source.name}: {error}") from error
