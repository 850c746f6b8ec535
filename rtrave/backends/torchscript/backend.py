"""A foreign script as encoder and decoder of a stream. Needs no torch.

Nothing here is for a device's callback: every call waits for the worker process.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from rtrave.backends.torchscript.facts import TorchScriptFacts
from rtrave.backends.torchscript.plan import create_block
from rtrave.backends.torchscript.process import Worker, WorkerLostError
from rtrave.errors import RtraveError
from rtrave.model.spec import ModelSpec

START_LIMIT_S = 60.0
HANG_LIMIT_S = 2.0  # for one call, where it must keep time
PATIENT_LIMIT_S = 60.0  # for one call, where nothing waits for it


class TorchScriptBackend:
    """A foreign script as encoder and decoder, one hop at a time; the methods of `OnnxBackend`. Every call waits.

    An effect has no latents: it hears the block of the last `encode` when `decode` is called. A script that only
    encodes gives that block back. A worker that hangs or dies is ended, and started again by the next call; the script
    then begins anew.

    Parameters
    ----------
    facts : TorchScriptFacts
    threads : int
        Of torch.

    Attributes
    ----------
    limit_s : float
        How long one call may take; after that the worker is killed.
    restarts : int
        Workers that were started after the first.
    """

    def __init__(self, facts: TorchScriptFacts, threads: int = 1) -> None:
        self.facts, self.model_hash, self.shape = facts, facts.model_hash, facts.shape
        self.spec: ModelSpec = facts.spec
        self.latent_pca, self.latent_mean = facts.latent_pca, facts.latent_mean
        self.initial: dict[str, np.ndarray] = {}
        self.frames_per_step = 1
        self.limit_s = PATIENT_LIMIT_S
        self.restarts = -1
        self._threads = threads
        self._heard = np.zeros((facts.plan.channels, facts.plan.hop), np.float32)
        self._worker: Worker | None = None
        self._start()

    def encode(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Audio [1, hop, C] -> latents and zeros [1, N, D]; zeros where the script only decodes."""
        plan = self.facts.plan
        self._heard[...] = x[0].T
        mean = np.zeros((1, plan.latent_frames, plan.dims), np.float32)
        if plan.encode:
            self._ready()
            self._hear()
            self._ask("encode")
            mean[0] = self._block.z_in.T
        return mean, np.zeros_like(mean)

    def draw_shapes(self) -> dict[str, tuple[int, int]]:
        """Nothing: what a script draws is its own."""
        return {}

    def decode(self, z: np.ndarray, draws: Mapping[str, np.ndarray] | None = None) -> np.ndarray:
        """Latents [1, N, D] -> audio [1, hop, C]; there are no draws."""
        plan = self.facts.plan
        if plan.outputs == 0:
            return self._heard.T[None].copy()
        self._ready()
        if plan.decode:
            self._block.z_out[...] = z[0].T
            self._ask("decode")
        else:
            self._hear()
            self._ask("effect")
        y = np.zeros((1, plan.hop, plan.channels), np.float32)
        y[0, :, : plan.outputs] = self._block.y.T
        if plan.outputs == 1:  # one channel goes to all
            y[...] = y[:, :, :1]
        return y

    def state(self) -> dict[str, np.ndarray]:
        """Nothing: what a script remembers is out of reach."""
        return {}

    def reset(self) -> None:
        """The script as it was after loading."""
        self._ready()
        self._ask("reset")

    def close(self) -> None:
        """End the worker."""
        if self._worker is not None:
            self._worker.kill()
        self._worker = None

    @property
    def worker_pid(self) -> int | None:
        """Process id of the worker, None while there is none."""
        return self._worker.process.pid if self._worker else None

    def _hear(self) -> None:
        """The input for the script: mixed where it hears one channel of several, else its first channels."""
        inputs = self.facts.plan.inputs
        self._block.x[...] = self._heard.mean(axis=0) if inputs == 1 else self._heard[:inputs]

    def _ready(self) -> None:
        if self._worker is None:
            self._start()

    def _start(self) -> None:
        facts = self.facts
        self._worker, self._block = Worker(), create_block(facts.plan)  # a new block: the old worker may yet write
        request = {
            "path": str(facts.source),
            "hash": facts.model_hash,
            "attributes": facts.attributes,
            "plan": facts.plan.to_json(),
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
            raise RtraveError(f"{self.facts.source.name} {error}: it begins anew") from error
        except RtraveError as error:
            raise RtraveError(f"{self.facts.source.name}: {error}") from error
