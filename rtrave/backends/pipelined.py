"""Runs what takes its time beside the caller: each hop is handed over, and the one before is taken back.

A foreign script runs in another process, which may hang. Its hops are waited for here, in a thread, so that whoever
drives the engine is not held up. Needs no torch.
"""

from __future__ import annotations

import queue
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

JOBS = 4  # one taken back, one in the thread, two in between


@dataclass(eq=False)
class Job:
    """One hop, in arrays that are used again and again.

    Attributes
    ----------
    x, y : float32 [C, hop]
    controls : float64 [size]
    z_in, z_out : float32 [D, N]
    latent_frame : int
    reset : bool
        Begin anew before this hop.
    nonfinite : int
        Samples the model gave that were NaN or infinite.
    failure : str
        Why there is no result; empty where there is one.
    handed_s : float
        When, by `time.monotonic`.
    """

    x: np.ndarray
    y: np.ndarray
    controls: np.ndarray
    z_in: np.ndarray
    z_out: np.ndarray
    latent_frame: int = 0
    reset: bool = False
    nonfinite: int = 0
    failure: str = ""
    handed_s: float = 0.0


class OneHopLater:
    """A thread that plays jobs in order.

    A job has the time of one hop. Driven at the pace of the sound, `exchange` finds the result there and waits for
    nothing; it waits only where two hops follow each other faster (a block of several hops, catching up after a stall),
    and then until the job's own hop of time is over at most. Until `keep_time` it waits as long as it takes.

    Parameters
    ----------
    play : callable
        Plays a Job in place; the exceptions it raises are the job's failure.
    reset : callable
        Begins anew. Both are called by the thread only.
    new_job : callable
        Makes an empty job.
    hop_s : float
        Time of one hop.
    """

    def __init__(
        self, play: Callable[[Job], None], reset: Callable[[], None], new_job: Callable[[], Job], hop_s: float
    ) -> None:
        self._play, self._reset, self._hop_s = play, reset, hop_s
        self._free = deque(new_job() for _ in range(JOBS))
        self._handed: queue.SimpleQueue[Job] = queue.SimpleQueue()
        self._done: queue.SimpleQueue[Job] = queue.SimpleQueue()
        self._last: Job | None = None  # handed over, not taken back; None after a beginning
        self._lost = ""  # why the last hop could not even be handed over
        self._must_reset = False
        self._patient = True
        threading.Thread(target=self._run, name="one-hop-later", daemon=True).start()

    def keep_time(self) -> None:
        """From now on a hop that takes longer than its time is lost."""
        self._patient = False

    def ask_reset(self) -> None:
        """Begin anew before the next hop that is handed over."""
        self._must_reset = True

    def forget(self) -> None:
        """Take nothing back at the next exchange, as at the very beginning."""
        self._last, self._lost = None, ""

    def exchange(self, x: np.ndarray, controls: np.ndarray, latent_frame: int) -> tuple[Job | None, str]:
        """Hand over a hop and take back the one before.

        Returns
        -------
        job : Job or None
            Valid until the next exchange; None where there is none.
        failure : str
            Why there is none; empty at the beginning.
        """
        taken, failure = self._take()
        self._hand_over(x, controls, latent_frame)
        if taken is not None:
            self._free.append(taken)  # first used again by the next exchange
        if taken is not None and taken.failure:
            return None, taken.failure
        return taken, failure

    def _take(self) -> tuple[Job | None, str]:
        wanted = self._last
        if wanted is None:
            return None, self._lost
        while True:
            try:
                job = self._next_done(wanted.handed_s + self._hop_s)
            except queue.Empty:
                return None, "the script did not keep time"
            if job is wanted:
                return job, ""
            self._free.append(job)  # of a hop that was given up

    def _next_done(self, limit_s: float) -> Job:
        if self._patient:
            return self._done.get()
        wait_s = limit_s - time.monotonic()
        return self._done.get(timeout=wait_s) if wait_s > 0 else self._done.get_nowait()

    def _hand_over(self, x: np.ndarray, controls: np.ndarray, latent_frame: int) -> None:
        while not self._done.empty():  # hops that were given up
            self._free.append(self._done.get())
        if not self._free:
            self._last, self._lost = None, "the script hangs"
            return
        job = self._free.popleft()
        job.x[...], job.controls[...] = x, controls
        job.latent_frame, job.handed_s = latent_frame, time.monotonic()
        job.reset, self._must_reset = self._must_reset, False
        job.nonfinite, job.failure = 0, ""
        self._last, self._lost = job, ""
        self._handed.put(job)

    def _run(self) -> None:
        while True:
            job = self._handed.get()
            try:
                if job.reset:
                    self._reset()
                self._play(job)
            except Exception as error:  # whatever it is, the hop's place stays silent and the next one is tried
                job.failure = str(error) or type(error).__name__
            self._done.put(job)
