"""A take is readable after the writing process was killed at any moment."""

from __future__ import annotations

import os
import signal
import struct
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from rtrave.session.reader import (
    control_changes,
    latent_index,
    open_session,
    read_audio,
    read_events,
    read_latents,
)
from tests.session.takes import CHANNELS, DIMS, audio_rows, hop_rows

ROOT = Path(__file__).parents[2]
# Writes without a rest, the same block again and again, and says after each round how far it is.
WRITE = """
import sys
from pathlib import Path
import numpy as np
from tests.session.takes import DIMS, audio_rows, hop_rows, open_writer
from rtrave.control.vector import make_layout
layout = make_layout(DIMS)
writer = open_writer(Path(sys.argv[1]), layout, limit_bytes=1_000_000)
audio, (hops, _) = audio_rows(2047), hop_rows([0])
for number in range(1_000_000):
    hops["latent_frame"] = 2 * number
    writer.write_hops(hops)
    writer.write_audio(audio)
    writer.write_controls(np.concatenate([[2 * number, number], layout.defaults() + number % 2])[None])
    print(number + 1, flush=True)
"""


def killed_while_writing(folder: Path, rounds: int, rest_s: float) -> int:
    """Let a process write, kill it a moment after it said `rounds`; return how many rounds it had said."""
    command = [sys.executable, "-c", WRITE, str(folder)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        said = 0
        while said < rounds:
            said = int(child.stdout.readline())
        time.sleep(rest_s)
        os.kill(child.pid, signal.SIGKILL)
        lines = child.stdout.read().splitlines()
    assert child.returncode == -signal.SIGKILL
    whole = [int(line) for line in lines if line.isdigit()]
    return max([said, *whole[:-1]])


def samples_by_header(path: Path) -> int:
    """Count the samples as a plain reader does that believes the header: RIFF chunks, in order."""
    data = path.read_bytes()
    assert data[:4] == b"RIFF" and data[8:12] == b"WAVE"
    position = 12
    while True:
        name, size = struct.unpack_from("<4sI", data, position)
        if name == b"data":
            assert position + 8 + size <= len(data)
            return int(size) // (4 * CHANNELS)
        position += 8 + size + size % 2


@pytest.mark.parametrize(("rounds", "rest_s"), [(1, 0.0), (150, 0.0011), (200, 0.0137)])
def test_all_that_was_written_is_there(tmp_path, rounds, rest_s):
    folder = tmp_path / "take"
    said = killed_while_writing(folder, rounds, rest_s)
    session = open_session(folder)

    block = audio_rows(2047)
    for signal_name, columns in (("input", slice(0, CHANNELS)), ("output", slice(CHANNELS, None))):
        audio = read_audio(session, signal_name)
        expected = np.resize(block[:, columns], (audio.shape[1], CHANNELS)).T
        assert audio.shape[1] >= said * 2047
        np.testing.assert_array_equal(audio, expected)
        by_header = sum(samples_by_header(path) for path in folder.glob(f"{signal_name}*.wav"))
        assert said * 2047 <= by_header <= audio.shape[1]

    assert len(latent_index(session)) >= 2 * said
    _, (z_in, z_out) = hop_rows([0])
    for end, z in (("in", z_in), ("out", z_out)):
        latents = read_latents(session, end)
        np.testing.assert_array_equal(latents, np.resize(z, (len(latents), DIMS)))

    assert len(control_changes(session)) >= said
    assert read_events(session)[0]["kind"] == "start"


def test_torn_ends_are_left_out(tmp_path):
    said = killed_while_writing(tmp_path / "take", 3, 0.0)
    session = open_session(tmp_path / "take")
    events, latents = read_events(session), read_latents(session, "out")
    tails = {"events.jsonl": b'{"kind": "set", "la', "latents_out.f32": b"\x00" * (4 * DIMS - 1)}
    for name, tail in tails.items():
        with (tmp_path / "take" / name).open("ab") as file:
            file.write(tail)
    (tmp_path / "take" / "output-099.wav").touch()
    assert read_events(session) == events
    np.testing.assert_array_equal(read_latents(session, "out"), latents)
    assert read_audio(session, "output").shape[1] >= said * 2047
