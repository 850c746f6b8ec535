"""scripts/corpus joins recorded notes into phrases: reproducible by seed, different for held-out files."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.train.sounds import RATE, tones

SCRIPT = Path(__file__).parents[2] / "scripts" / "corpus"


def corpus(notes, folder, *more):
    command = [sys.executable, str(SCRIPT), str(folder), "--notes", str(notes), "--minutes", "0.5", *more]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def notes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("notes")
    (folder / "cello").mkdir()
    for index in range(3):
        soundfile.write(folder / "cello" / f"{index}.wav", tones(1.0, index, 22050), 22050)
    return folder


@pytest.fixture(scope="module")
def made(notes):
    done = corpus(notes, notes / "made", "--instruments", "cello")
    assert done.returncode == 0, done.stderr
    return notes / "made"


def test_files_of_half_a_minute(made):
    paths = sorted(p.relative_to(made).as_posix() for p in made.rglob("*.flac"))
    assert paths == ["held-out/cello/000.flac", "held-out/cello/001.flac", "train/cello/000.flac"]
    for path in paths:
        x, rate = soundfile.read(made / path)
        assert rate == RATE and len(x) == 30 * RATE and 0.19 < np.abs(x).max() < 0.9
        level = np.sqrt(np.square(x).reshape(-1, RATE).mean(axis=1))
        assert (level > 1e-3).all()  # there is no gap between notes


def test_no_two_files_are_alike(made):
    x, y, z = (soundfile.read(path)[0] for path in sorted(made.rglob("*.flac")))
    assert not np.allclose(x, y, atol=0.01) and not np.allclose(y, z, atol=0.01)


def test_the_same_seed_gives_the_same_files(notes, made):
    assert corpus(notes, notes / "again", "--instruments", "cello").returncode == 0
    for path in made.rglob("*.flac"):
        assert path.read_bytes() == (notes / "again" / path.relative_to(made)).read_bytes()


def test_a_file_that_is_no_sound_font_is_one_line(notes, tmp_path):
    wav = notes / "cello" / "0.wav"  # a RIFF file, as sound fonts are
    command = [sys.executable, str(SCRIPT), str(tmp_path / "none"), "--sound-font", str(wav)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1 and done.stderr.count("\n") == 1 and "expected a sound font" in done.stderr


def test_an_instrument_without_notes_is_one_line(notes):
    done = corpus(notes, notes / "none", "--instruments", "cello", "violin")
    assert done.returncode == 1 and done.stderr.count("\n") == 1 and "violin" in done.stderr
