"""The demo sound is as its README describes: short, mono, 44.1 kHz, -6 dBFS, with rests, and loops."""

import numpy as np
import soundfile

from rtrave.settings import assets_dir

PATH = assets_dir() / "demo.flac"


def test_format():
    info = soundfile.info(PATH)
    assert (info.format, info.subtype, info.samplerate, info.channels) == ("FLAC", "PCM_16", 44100, 1)
    assert 8 <= info.duration <= 10
    assert PATH.stat().st_size < 600_000


def test_level_and_rests():
    sound, rate = soundfile.read(PATH)
    assert abs(20 * np.log10(np.abs(sound).max()) + 6) < 0.1
    levels_db = [20 * np.log10(np.sqrt(np.mean(part**2)) + 1e-9) for part in np.array_split(sound, 90)]
    assert sum(level < -40 for level in levels_db) >= 5
    assert sum(level > -25 for level in levels_db) >= 40
    assert len(sound) / rate == 9.0


def test_loops_without_a_click():
    sound, _ = soundfile.read(PATH)
    seam = np.concatenate([sound[-64:], sound[:64]])
    assert np.abs(np.diff(seam)).max() < 1e-3
