"""Long takes continue in further files, without a sample lost or doubled."""

import numpy as np
import pytest
import soundfile

from rtrave.session.audio_files import WAV_LIMIT_BYTES
from rtrave.session.reader import open_session, read_audio
from tests.session.takes import CHANNELS, audio_rows, open_writer

ROW_BYTES = 4 * CHANNELS


@pytest.mark.parametrize(("samples", "files"), [(99, 1), (100, 1), (101, 2), (1234, 13)])
def test_split(tmp_path, samples, files):
    writer = open_writer(tmp_path / "take", limit_bytes=100 * ROW_BYTES + 3)
    rows = audio_rows(samples)
    for part in np.array_split(rows, 7):
        writer.write_audio(part)
    writer.close()
    names = ["input.wav", *(f"input-{number:03d}.wav" for number in range(2, files + 1))]
    assert sorted(path.name for path in (tmp_path / "take").glob("input*.wav")) == sorted(names)
    assert all(soundfile.info(tmp_path / "take" / name).frames == 100 for name in names[:-1])
    session = open_session(tmp_path / "take")
    np.testing.assert_array_equal(read_audio(session, "output"), rows[:, CHANNELS:].T)
    for start, stop in [(0, 1), (98, 101), (99, None), (150, 450), (1300, None), (50, 20)]:
        part = read_audio(session, "input", start, stop)
        np.testing.assert_array_equal(part, rows[start:stop, :CHANNELS].T)


def test_more_than_999_files_stay_in_order(tmp_path):
    writer = open_writer(tmp_path / "take", limit_bytes=ROW_BYTES)
    rows = audio_rows(1003)
    writer.write_audio(rows)
    writer.close()
    np.testing.assert_array_equal(read_audio(open_session(tmp_path / "take"), "input"), rows[:, :CHANNELS].T)


def test_the_limit_leaves_room_for_a_header():
    assert WAV_LIMIT_BYTES + 4096 < 2**32
