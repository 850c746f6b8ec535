"""The log file of a live run: it outlives the run, and holds each fault with its traceback. Control process.

All parts use named loggers below `rtrave`. Records pass through a queue, so that no thread waits for the disk.
"""

from __future__ import annotations

import contextlib
import logging
import logging.handlers
import os
import queue
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from rtrave.errors import RtraveError
from rtrave.settings import log_dir

KEPT_FILES = 20
PATTERN = "live-*.log"
FORMAT = "%(asctime)s.%(msecs)03d %(levelname)-7s %(name)s: %(message)s"


def new_log_path() -> Path:
    """Return a file for a run that begins now, in the user's log folder."""
    return log_dir() / time.strftime(f"live-%Y%m%d-%H%M%S-{os.getpid()}.log")


@contextlib.contextmanager
def open_log(
    path: Path | None = None, verbose: bool = False, report: Callable[[str], object] = lambda line: None
) -> Iterator[Path | None]:
    """Write what the loggers below `rtrave` record to a file, until the block ends.

    Parameters
    ----------
    path : Path or None
        Appended to where it exists. None makes a new file in the user's log folder, and removes the oldest ones there.
    verbose : bool
        Write debug records too.
    report : callable
        Called with a line where the user's log folder cannot be written: the run goes on without a log.

    Yields
    ------
    Path or None
        The file.

    Raises
    ------
    RtraveError
        The file that was named cannot be written.
    """
    chosen = (path or new_log_path()).expanduser().absolute()
    try:
        chosen.parent.mkdir(parents=True, exist_ok=True)
        file = logging.FileHandler(chosen, encoding="utf-8")
    except OSError as error:
        why = f"cannot write '{chosen}', {error.strerror}"
        if path is not None:
            raise RtraveError(f"--log: {why}: give another file") from error
        report(f"no log file: {why}: name another one with --log")
        yield None
        return
    if path is None:
        _remove_oldest(chosen.parent)
    with _recording(file, logging.DEBUG if verbose else logging.INFO):
        yield chosen


@contextlib.contextmanager
def _recording(file: logging.FileHandler, level: int) -> Iterator[None]:
    """Write the records of the loggers below `rtrave` to a file, on a thread of its own."""
    file.setFormatter(logging.Formatter(FORMAT, "%Y-%m-%d %H:%M:%S"))
    records: queue.SimpleQueue[logging.LogRecord] = queue.SimpleQueue()
    listener, handler = logging.handlers.QueueListener(records, file), logging.handlers.QueueHandler(records)
    logger = logging.getLogger("rtrave")
    before = logger.level, logger.propagate
    logger.setLevel(level)
    logger.propagate = False  # the screen belongs to the display
    logger.addHandler(handler)
    listener.start()
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before[0])
        logger.propagate = before[1]
        listener.stop()
        file.close()


def _remove_oldest(folder: Path) -> None:
    """Keep the newest `KEPT_FILES` logs."""
    with contextlib.suppress(OSError):
        for path in sorted(folder.glob(PATTERN))[:-KEPT_FILES]:
            path.unlink(missing_ok=True)
