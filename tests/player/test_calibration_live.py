"""`rtrave calibrate`, and ranges learned from the live input."""

import re
import struct
import time

from tests.player.running import Surface, live_process, rtrave
from tests.player.test_kept_between_runs import ask, settled


def test_from_files_into_the_ranges_of_a_run(tmp_path):
    done = rtrave("calibrate", "rtrave/assets/demo.flac")
    assert done.returncode == 0, done.stderr
    low, high = map(float, re.search(r"(?m)^ *0 +\S+ +\S+ +(\S+) +\S+ +(\S+)$", done.stdout).groups())
    with live_process("--device", "null", "--set", "/rtrave/norm/latent/0/value=1") as run:
        surface = Surface(run.port())
        (value,) = struct.unpack(">f", ask(surface, "/rtrave/latent/0/value")[-4:])
        surface.socket.close()
    assert low < 0 < high and abs(value - high) < 0.01


def test_from_the_live_input(tmp_path):
    with live_process("--device", "null") as run:
        surface = Surface(run.port())
        surface.send("/rtrave/calibration/listen", "i", 1)
        time.sleep(2)
        assert ask(surface, "/rtrave/calibration/state")[28:].startswith(b",if\0\0\0\0\1")
        surface.send("/rtrave/calibration/listen", "i", 0)
        settled(surface, 1)
        run.wait_for("calibrated from [1-3] s of the live input")
        surface.send("/rtrave/calibration/listen", "i", 1)
        surface.send("/rtrave/calibration/listen", "i", 0)
        assert b"listen for longer" in surface.socket.recv(4096)
        surface.socket.close()


def test_errors_are_one_line(tmp_path):
    (tmp_path / "x.wav").write_bytes(b"no sound")
    done = rtrave("calibrate", tmp_path / "x.wav")
    assert done.returncode == 1 and done.stderr.count("\n") == 1
