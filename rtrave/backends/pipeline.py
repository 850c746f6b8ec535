"""Pipelines, which pass whole hops through a backend: at once, or one hop later. Needs no torch.

A worker process may hang, so a thread waits for its hops; the caller of the engine waits at most for the rest of a hop.
"""

from __future__ import annotations

import queue
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

HOPS = 4  # one returned, one in the thread, two in between


@dataclass(eq=False)
class Hop:
    """One hop on its way through a model, in arrays that are used again and again.

    Attributes
    ----------
    x : float32 [inputs, hop]
    controls : float64 [N, size]
        For each latent frame.
    z_in, z_out : float32 [D, N]
        Latents of the first stream before and after the edits.
    y : float32 [C, hop]
    latent_frame : int
        Index of the first latent frame.
    reset : bool
        Reset the model before this hop.
    nonfinite : int
        Samples of the model's output that were NaN or infinite.
    failure : str
        Why there is no result; empty where there is one.
    """

    x: NDArray[np.float32]
    controls: NDArray[np.float64]
    z_in: NDArray[np.float32]
    z_out: NDArray[np.float32]
    y: NDArray[np.float32]
    latent_frame: int = 0
    reset: bool = False
    nonfinite: int = 0
    failure: str = ""


class HopWork(Protocol):
    """The work on each hop: encode, edit, decode. One thread at a time."""

    def new_hop(self) -> Hop:
        """Return an empty hop, zeros."""

    def play(self, hop: Hop) -> None:
        """Play a hop in place; an exception is the hop's failure."""

    def reset(self) -> None:
        """Reset model and edits."""


class Pipeline(Protocol):
    """Receives hops, and returns for each the hop that is due. One thread calls it."""

    def exchange(self, x: NDArray[np.float32], controls: NDArray[np.float64], latent_frame: int, reset: bool) -> Hop:
        """Receive a hop, and return the one that is due: valid until the next exchange.

        Where none is due yet it is silent; where one was lost it is silent and its `failure` says why.
        """

    def restart(self) -> None:
        """Reset the work, and discard the hops received so far."""


class ImmediatePipeline:
    """Plays each hop in the caller's thread and returns it. What the work raises reaches the caller."""

    def __init__(self, work: HopWork) -> None:
        self._work, self._hop = work, work.new_hop()

    def exchange(self, x: NDArray[np.float32], controls: NDArray[np.float64], latent_frame: int, reset: bool) -> Hop:
        """See `Pipeline`."""
        hop = self._hop
        hop.x[...], hop.controls[...] = x, controls
        hop.latent_frame, hop.reset, hop.nonfinite = latent_frame, reset, 0
        self._work.play(hop)
        return hop

    def restart(self) -> None:
        """See `Pipeline`."""
        self._work.reset()


class ThreadedPipeline:
    """Plays hops in order in a thread of its own; `exchange` returns the hop before the one that it receives.

    The work on each hop may take the duration of one hop. Driven at the pace of the sound, `exchange` finds the result
    ready and does not wait. It waits only where two hops follow each other faster (a block of several hops, catching up
    after a stall), and at most until that duration is over. Until the first `restart` (the end of warming up) it waits
    without a limit; where `keep_time` is None it always does.

    Parameters
    ----------
    work : HopWork
        Called by the thread only.
    hop_s : float
        Time of one hop.
    keep_time : callable or None
        Called at each `restart`, after which hops are due in time. None where nothing waits for the sound.
    """

    def __init__(self, work: HopWork, hop_s: float, keep_time: Callable[[], object] | None) -> None:
        self._work, self._hop_s, self._keep_time = work, hop_s, keep_time
        self._free = deque(work.new_hop() for _ in range(HOPS))
        self._silent = work.new_hop()  # returned where there is no result
        self._taken: queue.SimpleQueue[Hop] = queue.SimpleQueue()
        self._done: queue.SimpleQueue[Hop] = queue.SimpleQueue()
        self._last: Hop | None = None  # received and not returned yet
        self._last_s = 0.0  # the time at which it was received
        self._lost = ""  # why the last hop could not be received
        self._must_reset = False
        self._patient = True
        threading.Thread(target=self._run, name="pipeline", daemon=True).start()

    def exchange(self, x: NDArray[np.float32], controls: NDArray[np.float64], latent_frame: int, reset: bool) -> Hop:
        """See `Pipeline`."""
        self._must_reset |= reset
        returned, failure = self._finished()
        self._take(x, controls, latent_frame)
        if returned is not None:
            self._free.append(returned)  # first used again by the next exchange
            failure = returned.failure
        if returned is not None and not failure:
            return returned
        self._silent.failure = failure
        return self._silent

    def restart(self) -> None:
        """See `Pipeline`; from now on a hop that takes longer than its time is lost."""
        self._last, self._lost, self._must_reset = None, "", True
        if self._keep_time is not None:
            self._patient = False
            self._keep_time()

    def _finished(self) -> tuple[Hop | None, str]:
        last = self._last
        if last is None:
            return None, self._lost
        while True:
            try:
                hop = self._next_done(self._last_s + self._hop_s)
            except queue.Empty:
                return None, "the TorchScript worker did not keep time"
            if hop is last:
                return hop, ""
            self._free.append(hop)  # the late result of an earlier hop

    def _next_done(self, limit_s: float) -> Hop:
        if self._patient:
            return self._done.get()
        wait_s = limit_s - time.monotonic()
        return self._done.get(timeout=wait_s) if wait_s > 0 else self._done.get_nowait()

    def _take(self, x: NDArray[np.float32], controls: NDArray[np.float64], latent_frame: int) -> None:
        while not self._done.empty():  # late results of earlier hops
            self._free.append(self._done.get())
        if not self._free:
            self._last, self._lost = None, "the TorchScript worker hangs"
            return
        hop = self._free.popleft()
        hop.x[...], hop.controls[...], hop.latent_frame = x, controls, latent_frame
        hop.reset, self._must_reset = self._must_reset, False
        hop.nonfinite, hop.failure = 0, ""
        self._last, self._last_s, self._lost = hop, time.monotonic(), ""
        self._taken.put(hop)

    def _run(self) -> None:
        while True:
            hop = self._taken.get()
            try:
                self._work.play(hop)
            except Exception as error:  # whatever it is, this hop stays silent and the next one is tried
                hop.failure = str(error) or type(error).__name__
            self._done.put(hop)
