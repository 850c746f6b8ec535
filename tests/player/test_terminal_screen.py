"""A live run on a real terminal erases nothing while it plays, and leaves the last screen after Ctrl-C."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time

import psutil
import pytest
from rich.cells import cell_len

from tests.player.running import RTRAVE

ROWS, COLUMNS = 24, 80
ENTER, LEAVE = "\x1b[?1049h", "\x1b[?1049l"
COLOUR = re.compile(r"\x1b\[[0-9;]*m|\x1b\[\?25[hl]")


class Terminal:
    """A terminal of 80 by 24 with a live run on it, recording."""

    def __init__(self, folder):
        self._end, inside = pty.openpty()
        fcntl.ioctl(inside, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        command = [*RTRAVE, "live", "--device", "null", "--osc-port", "0", "--record", "--sessions-dir", str(folder)]
        environment = {
            name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES", "NO_COLOR")
        }
        environment["TERM"] = "xterm-256color"
        self.process = subprocess.Popen(command, stdin=inside, stdout=inside, stderr=inside, env=environment)
        os.close(inside)
        self._bytes = b""

    @property
    def text(self):
        return self._bytes.decode(errors="replace").replace("\r\n", "\n")

    def read_until(self, condition, limit_s=60):
        """Read what is written until the condition holds for it, or the terminal is closed."""
        end_s = time.monotonic() + limit_s
        while not condition(self.text) and time.monotonic() < end_s:
            if select.select([self._end], [], [], 0.1)[0]:
                try:
                    self._bytes += os.read(self._end, 1 << 16)
                except OSError:  # closed by the other side
                    break
        assert condition(self.text), self.text[-3000:]

    def close(self):
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(10)
        os.close(self._end)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Everything a run wrote: some seconds, the audio process killed in mid-play, Ctrl-C."""
    terminal = Terminal(tmp_path_factory.mktemp("sessions"))
    try:
        terminal.read_until(lambda text: text.count("latency") > 20)
        audio = next(
            p for p in psutil.Process(terminal.process.pid).children() if "rtrave.audio.process" in p.cmdline()
        )
        audio.kill()
        terminal.read_until(lambda text: "sound is back" in text)
        seen = len(terminal.text)
        terminal.read_until(lambda text: text[seen:].count("latency") > 20)
        terminal.process.send_signal(signal.SIGINT)
        terminal.read_until(lambda text: re.search(r"\nsession .*\n", text))
        assert terminal.process.wait(10) == 0
        yield terminal.text
    finally:
        terminal.close()


def test_nothing_is_erased_while_it_plays(written):
    playing = written[written.index(ENTER) + len(ENTER) : written.index(LEAVE)]
    assert playing.count("\x1b[H") > 40
    assert not re.search(r"\x1b\[[0-3]?[JK]", playing)


def test_a_killed_audio_process_is_one_note(written):
    assert "Traceback" not in written
    assert "the audio process ended with code -9; starting it again" in written


def test_the_last_screen_and_the_session_stay(written):
    lines = COLOUR.sub("", written[written.index(LEAVE) + len(LEAVE) :]).strip("\n").split("\n")
    assert len(lines) < ROWS
    assert lines[0].startswith(" PLAYING")
    assert any(line.startswith("latency") for line in lines) and any(line.startswith("take") for line in lines)
    assert lines[-2].startswith("played ") and "restarts 1" in lines[-2]
    assert lines[-1].startswith("session ")
    assert all(cell_len(line) <= COLUMNS for line in lines[:-1])
