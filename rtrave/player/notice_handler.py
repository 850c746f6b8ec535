"""Pass on what the supervisor reports: to the screen, to the take, to the model swap. Control process."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

from rtrave.ipc.messages import Faulted, Loaded, LoadFailed
from rtrave.player.recorder import Recorder
from rtrave.player.supervisor import Lost, Notice, Restarted
from rtrave.player.swap import ModelSwap

_LOG = logging.getLogger("rtrave.audio")


class NoticeHandler:
    """Handler of the supervisor's notices. Main thread.

    Parameters
    ----------
    swap : ModelSwap
    recorder : Recorder
    note : callable
        (text) -> None.
    log : Path or None
        The log file of the run.
    """

    def __init__(self, swap: ModelSwap, recorder: Recorder, note: Callable[[str], object], log: Path | None) -> None:
        self._swap, self._recorder, self._note, self._log = swap, recorder, note, log

    def handle(self, notice: Notice) -> None:
        """Handle one notice."""
        match notice:
            case Loaded() | LoadFailed():
                self._swap.report(notice)
            case Faulted(source, traceback):
                _LOG.error("a fault in the %s\n%s", source, traceback)
                where = f": see '{self._log}'" if self._log else ""
                self._note(f"a fault in the {source}, {traceback.splitlines()[-1]}{where}")
            case Restarted(gap_s, latent_frame):
                self._note(f"sound is back after {gap_s:.1f} s")
                self._recorder.event("restart", latent_frame, gap_s=round(gap_s, 3), resumes_at=latent_frame)
            case _:
                if isinstance(notice, Lost):
                    self._swap.report_loss()
                    self._recorder.abandon()
                self._note(notice.text)
                self._recorder.event("device", text=notice.text)
