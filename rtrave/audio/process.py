"""The audio process: `python -m rtrave.audio.process`, started and watched by the control process.

It reads commands from stdin and writes events to stdout, one JSON line each: `rtrave.ipc.messages` says which and in
what order. The end of stdin means `Stop`, since then the parent is gone. Exit code 0 after `Stopped`, 1 after `Failed`.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from rtrave.audio import priority
from rtrave.audio.clips import load_clips
from rtrave.audio.device import close_portaudio
from rtrave.audio.faults import FaultReporter
from rtrave.audio.loader import Loader, check_shared, describe, one_line, open_for
from rtrave.audio.opening import NoDeviceError, Opened, open_audio
from rtrave.audio.warm_up import measure, settle
from rtrave.errors import RtraveError
from rtrave.ipc.codec import decode_command, encode
from rtrave.ipc.device_facts import Granted
from rtrave.ipc.messages import Clips, Event, Failed, FailureCode, Load, Refused, Start, Started, Stop, Stopped
from rtrave.ipc.shared_memory import Shared, attach

if TYPE_CHECKING:
    from rtrave.engine.engine import Engine

STOP_LIMIT_S = 3.0
SWITCH_INTERVAL_S = 0.0005  # how long another thread may hold the interpreter while the callback waits for it


class Reporter:
    """Writer of events to the control process, one line each. Any thread."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self._lock = threading.Lock()

    def __call__(self, event: Event) -> None:
        """Write one event. Where the parent is gone, nothing happens: the end of stdin follows."""
        try:
            with self._lock:
                self._out.write(encode(event))
                self._out.flush()
        except OSError:
            pass


@dataclass(frozen=True)
class Playing:
    """The parts of a run that has just started."""

    opened: Opened
    granted: Granted
    shared: Shared
    engine: Engine


def main(
    commands: BinaryIO | None = None,
    out: BinaryIO | None = None,
    open_engine: Callable[..., Engine] | None = None,
) -> int:
    """Run the audio process until it is stopped, and return its exit code.

    Parameters
    ----------
    commands, out : binary streams
        stdin and stdout where None.
    open_engine : callable or None
        (graph, *, seed, threads, second_input) -> Engine; `rtrave.engine.engine.open_engine` where None.
    """
    commands = sys.stdin.buffer if commands is None else commands
    report = Reporter(sys.stdout.buffer if out is None else out)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides
    try:
        start = decode_command(commands.readline())
        if not isinstance(start, Start):
            raise RtraveError(f"expected the command start first, got {type(start).__name__.lower()}: start again")
        open_engine = open_engine or _real_open_engine()
        playing = _start(start, open_engine)
    except Exception as error:  # whatever it is, the parent must get its line
        code = FailureCode.NO_DEVICE if isinstance(error, NoDeviceError) else FailureCode.REFUSED
        prefix = "" if isinstance(error, RtraveError) else "the audio process failed: "
        report(Failed(code, prefix + one_line(error)))
        with _watchdog():
            close_portaudio()
        return 1
    opened, granted = playing.opened, playing.granted
    report(Started(describe(opened, playing.engine, granted)))
    loader = Loader(start, opened, granted, playing.shared, playing.engine, open_engine, report)
    del playing  # the loader alone holds memory and engine: it releases them when other models play
    faults = FaultReporter(opened.plan.host.faults, report)
    faults.start()
    _obey(commands, loader, report)
    with _watchdog():
        _fade_and_close(opened)
        close_portaudio()
    faults.stop()
    report(Stopped())
    return 0


def _real_open_engine() -> Callable[..., Engine]:
    from rtrave.engine.engine import open_engine

    return open_engine


def _start(start: Start, open_engine: Callable[..., Engine]) -> Playing:
    """Open model and device, and let them play; RtraveError, or any other exception, where that fails."""
    granted = priority.request()
    engine = open_for(open_engine, start.options, start.graph)
    shared = attach(start.shared)
    check_shared(shared, engine)
    load_clips(engine, start.clips)
    compute_s = measure(engine)
    engine.latent_frame = start.first_latent_frame
    opened = open_audio(start.options, engine, shared, compute_s, start.model_index)
    host, driver = opened.plan.host, opened.crossfader.driver
    if start.fade_in:
        host.fade_in(round((driver.buffering_samples + engine.dry_delay) * host.sample_rate / engine.sample_rate))
    gc.collect()
    gc.freeze()
    gc.disable()
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    granted = priority.lock_memory(granted)
    settle(engine, start.first_latent_frame)
    driver.start()
    opened.stream.start()
    return Playing(opened, granted, shared, engine)


def _obey(commands: BinaryIO, loader: Loader, report: Callable[[Event], None]) -> None:
    """Carry out commands until one of them, or the end of the input, stops the process."""
    for line in commands:
        try:
            match decode_command(line):
                case Stop():
                    return
                case Load() as load:
                    loader.load(load)
                case Clips(paths):
                    load_clips(loader.playing, paths)
                case Start():
                    raise RtraveError("expected load, clips or stop, got start: start another process for it")
        except RtraveError as error:
            report(Refused(str(error)))


@contextmanager
def _watchdog() -> Iterator[None]:
    """End this process by force where the body takes too long.

    A sound server that died leaves PortAudio hanging in stop and close for good.
    """
    timer = threading.Timer(STOP_LIMIT_S, os._exit, (1,))
    timer.daemon = True
    timer.start()
    yield
    timer.cancel()


def _fade_and_close(opened: Opened) -> None:
    host = opened.plan.host
    host.fade_out()
    limit_s = time.monotonic() + STOP_LIMIT_S / 3
    while not host.silent and time.monotonic() < limit_s:
        time.sleep(0.005)
    opened.stream.stop()
    opened.crossfader.driver.stop()
    opened.stream.close()


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    # Not sys.exit: PortAudio's own clean-up at exit can hang or assert once the sound server is gone.
    os._exit(code)
