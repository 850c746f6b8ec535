"""Faults in the callback, the engine and the OSC thread: the log holds each traceback, and the sound goes on."""

import sys
import time

import pytest

from rtrave.player import audio_child
from rtrave.player.log import open_log
from rtrave.session.reader import open_session, read_audio
from tests.player.running import live_run

# An audio process whose engine and callback raise now and then once it plays.
CHILD = """
import os, sys
from rtrave.audio.host import Host
from rtrave.engine.engine import Engine

process, take, callbacks = Engine.process, Host.take, [0]

def broken_process(self, x, controls, y):
    if callbacks[0] in (30, 31, 50):
        raise ZeroDivisionError("injected into the engine")
    process(self, x, controls, y)

def broken_take(self, indata, x):
    callbacks[0] += 1
    if callbacks[0] in (40, 41):
        raise KeyError("injected into the callback")
    take(self, indata, x)

Engine.process, Host.take = broken_process, broken_take
from rtrave.audio.process import main
code = main()
sys.stdout.flush()
os._exit(code)
"""


def test_the_log_holds_each_fault_once_and_the_sound_goes_on(tmp_path, monkeypatch):
    monkeypatch.setattr(audio_child, "COMMAND", (sys.executable, "-c", CHILD))
    with open_log(tmp_path / "run.log") as log, live_run(tmp_path, log=log) as run:
        for _ in range(3):
            with pytest.raises(ZeroDivisionError):
                run.osc.submit(lambda: 1 // 0).result(5)
        limit_s = time.monotonic() + 20
        while run.view().counts["hops"] < 90 and time.monotonic() < limit_s:
            time.sleep(0.05)
        counts, notes = run.view().counts, " ".join(run.view().notes)
        folder = run.take_folder
    assert (counts["engine_errors"], counts["callback_errors"], run.osc.counts.faults) == (3, 2, 3)
    assert counts["hops"] >= 90
    text = log.read_text()
    faults = {
        "engine": "ZeroDivisionError: injected into the engine",
        "callback": "KeyError: 'injected into the callback'",
    }
    for source, fault in faults.items():
        assert text.count(f"\n{fault}\n") == 1
        assert text.count(f"rtrave.audio: a fault in the {source}\nTraceback") == 1
        assert f"a fault in the {source}, {fault}: see '{log}'" in notes
    assert text.count("rtrave.osc: a fault in the OSC server\nTraceback") == 1
    assert text.count("Traceback (most recent call last)") == 3
    session = open_session(folder)
    assert session.header["log"] == str(log)
    assert abs(read_audio(session, "output")[:, -20480:]).max() > 0.01  # after all of the faults
