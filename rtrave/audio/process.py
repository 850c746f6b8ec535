"""The audio process: `python -m rtrave.audio.process`, started and watched by the control process.

It reads one JSON object per line from stdin and writes one JSON object per line to stdout. The first line in
is the configuration (`rtrave.audio.opening.Config`). The first line out is {"event": "started", ...} or
{"event": "error", "code": "no-device" or "refused", "message": one line}, which ends it with exit code 1. After
that it takes {"command": "stop"}; the end of stdin means the same, since then the parent is gone. It ends with
{"event": "stopped"} and exit code 0. {"command": "load", "graph": folder} changes the model while it plays, told by
{"event": "loaded", ...} or {"event": "load-failed", "message": one line}; see `rtrave.audio.loader`.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, fields
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from rtrave.audio import priority
from rtrave.audio.clips import load_clips
from rtrave.audio.device import close_portaudio
from rtrave.audio.loader import Loader, check_shared, open_configured
from rtrave.audio.opening import Config, NoDeviceError, Opened, open_device, open_null
from rtrave.audio.warm_up import measure, settle
from rtrave.errors import RtraveError
from rtrave.ipc.shared_memory import SharedSpec, attach

if TYPE_CHECKING:
    from rtrave.engine.engine import Engine

STOP_LIMIT_S = 3.0
SWITCH_INTERVAL_S = 0.0005  # how long another thread may hold the interpreter while the callback waits for it


_telling = threading.Lock()  # the loader's thread tells, too


def read_config(line: str) -> Config:
    """Parse the first line; RtraveError where it is not such an object."""
    try:
        given = json.loads(line)
    except json.JSONDecodeError as error:
        raise RtraveError(f"the configuration line is not JSON: {error}") from error
    if not isinstance(given, dict):
        raise RtraveError("the configuration line is not a JSON object")
    known = {field.name for field in fields(Config)}
    if unknown := sorted(set(given) - known):
        raise RtraveError(f"unknown configuration {', '.join(unknown)}: known are {', '.join(sorted(known))}")
    if missing := sorted({"shared", "graph", "device"} - set(given)):
        raise RtraveError(f"the configuration lacks {', '.join(missing)}")
    return Config(**given)


def _tell(out: TextIO, event: str, **told: Any) -> None:
    try:
        with _telling:
            out.write(json.dumps({"event": event, **told}) + "\n")
            out.flush()
    except OSError:  # the parent is gone; the end of stdin follows
        pass


def _obey(commands: TextIO, loader: Loader, tell: Callable[..., None]) -> None:
    """Do what is said until it is to stop."""
    for line in commands:
        try:
            record = json.loads(line)
            command = record.get("command")
        except (json.JSONDecodeError, AttributeError):
            record, command = {}, line.strip()
        if command == "stop":
            return
        if command == "load":
            loader.load(record)
        elif command == "clips":
            try:
                load_clips(loader.playing, record["paths"])
            except RtraveError as error:
                tell("refused", message=str(error))
        else:
            tell("refused", message=f"unknown command '{command}': known are load, clips and stop")


@contextmanager
def _watchdog() -> Iterator[None]:
    """End this process by force where what is inside takes too long.

    A sound server that died leaves PortAudio hanging in stop and close for good.
    """
    timer = threading.Timer(STOP_LIMIT_S, os._exit, (1,))
    timer.daemon = True
    timer.start()
    yield
    timer.cancel()


def _fade_and_close(opened: Opened) -> None:
    opened.host.fade_out()
    limit_s = time.monotonic() + STOP_LIMIT_S / 3
    while not opened.host.silent and time.monotonic() < limit_s:
        time.sleep(0.005)
    opened.stream.stop()
    opened.deck.driver.stop()
    opened.stream.close()


def _real_open_engine() -> Callable[..., Engine]:
    from rtrave.engine.engine import open_engine

    return open_engine


def main(
    commands: TextIO | None = None,
    out: TextIO | None = None,
    open_engine: Callable[..., Engine] | None = None,
) -> int:
    """Run the audio process until it is told to stop; returns its exit code.

    Parameters
    ----------
    commands, out : text streams
        stdin and stdout where None.
    open_engine : callable or None
        (graph, *, seed, threads, second_input) -> Engine; `rtrave.engine.engine.open_engine` where None.
    """
    commands = sys.stdin if commands is None else commands
    out = sys.stdout if out is None else out
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides
    try:
        config = read_config(commands.readline())
        granted = priority.ask()
        open_engine = open_engine or _real_open_engine()
        engine = open_configured(open_engine, config, config.graph)
        shared = attach(Path(config.shared["path"]), SharedSpec(**config.shared["spec"]))
        check_shared(shared, engine)
        load_clips(engine, config.clips)
        compute_s = measure(engine)
        engine.latent_frame = config.first_latent_frame
        opened = (open_null if "null" in config.device else open_device)(config, engine, shared, compute_s)
        gc.collect()
        gc.freeze()
        gc.disable()
        sys.setswitchinterval(SWITCH_INTERVAL_S)
        granted = priority.keep_memory(granted)
        settle(engine, config.first_latent_frame)
        opened.deck.driver.start()
        opened.stream.start()
    except Exception as error:  # the parent must get its line whatever it was
        text = str(error)
        if not isinstance(error, RtraveError):
            text = f"the audio process failed: {type(error).__name__}: {error}"
        code = "no-device" if isinstance(error, NoDeviceError) else "refused"
        _tell(out, "error", code=code, message=" ".join(text.split()))
        with _watchdog():
            close_portaudio()
        return 1
    _tell(out, "started", sample_rate=engine.sample_rate, hop=engine.hop, **asdict(granted), **opened.told)
    tell = partial(_tell, out)
    loader = Loader(config, opened, shared, engine, open_engine, tell)
    del shared, engine  # the loader's alone: it lets them go when other models play
    _obey(commands, loader, tell)
    with _watchdog():
        _fade_and_close(opened)
        close_portaudio()
    _tell(out, "stopped")
    return 0


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    # Not sys.exit: PortAudio's own clean-up at exit can hang or assert once the sound server is gone.
    os._exit(code)
