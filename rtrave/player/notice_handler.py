"""Pass on what the supervisor reports: to the screen, to the take, to the model swap. Control process."""

from __future__ import annotations

from collections.abc import Callable

from rtrave.ipc.messages import Loaded, LoadFailed
from rtrave.player.recorder import Recorder
from rtrave.player.supervisor import Lost, Notice, Restarted
from rtrave.player.swap import ModelSwap


class NoticeHandler:
    """Handler of the supervisor's notices. Main thread.

    Parameters
    ----------
    swap : ModelSwap
    recorder : Recorder
    note : callable
        (text) -> None.
    """

    def __init__(self, swap: ModelSwap, recorder: Recorder, note: Callable[[str], object]) -> None:
        self._swap, self._recorder, self._note = swap, recorder, note

    def handle(self, notice: Notice) -> None:
        """Handle one notice."""
        match notice:
            case Loaded() | LoadFailed():
                self._swap.report(notice)
            case Restarted(gap_s, latent_frame):
                self._note(f"sound is back after {gap_s:.1f} s")
                self._recorder.event("restart", latent_frame, gap_s=round(gap_s, 3), resumes_at=latent_frame)
            case _:
                if isinstance(notice, Lost):
                    self._swap.report_loss()
                    self._recorder.abandon()
                self._note(notice.text)
                self._recorder.event("device", text=notice.text)
