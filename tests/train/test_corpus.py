"""The corpus: files of any format, rate and channel count in one array; crops without the held-out ends."""

import numpy as np
import pytest
import soundfile

from rtrave.errors import RtraveError
from rtrave.train.corpus import gather, open_corpus, sound_files
from tests.train.sounds import RATE, tones


@pytest.fixture
def mixed(tmp_path):
    folder = tmp_path / "sounds"
    (folder / "deep" / "er").mkdir(parents=True)
    sound = tones(2)
    soundfile.write(folder / "a.wav", sound, RATE, "FLOAT")
    soundfile.write(folder / "b.FLAC", np.stack((sound, -sound), axis=1)[:60000], RATE, "PCM_24")
    soundfile.write(folder / "deep" / "c.ogg", tones(2, 1, 32000), 32000)
    soundfile.write(folder / "deep" / "er" / "d.mp3", tones(2, 2, 48000), 48000)
    (folder / "notes.txt").write_text("no sound")
    return folder


def gathered(folder, run, channels=1):
    run.mkdir()
    seen = []
    corpus = gather([folder], run, RATE, channels, lambda path, share: seen.append((path.name, share)))
    return corpus, seen


def test_every_format_rate_and_channel_count(mixed, tmp_path):
    corpus, seen = gathered(mixed, tmp_path / "run")
    assert [name for name, _ in seen] == ["a.wav", "b.FLAC", "c.ogg", "d.mp3"] and seen[-1][1] == 1
    lengths = [sound.samples + sound.held_out for sound in corpus.sounds]
    assert lengths[:2] == [2 * RATE, 60000]
    assert all(abs(length - 2 * RATE) < 3000 for length in lengths[2:])
    assert np.array_equal(corpus.array[: 2 * RATE, 0], tones(2).astype(np.float32))
    assert not corpus.array[2 * RATE : 2 * RATE + 60000].any()  # two opposite channels cancel in the mix
    stereo, _ = gathered(mixed, tmp_path / "stereo", 2)
    assert stereo.channels == 2 and stereo.array[2 * RATE : 2 * RATE + 60000].any()


def test_it_can_be_reopened(mixed, tmp_path):
    corpus, _ = gathered(mixed, tmp_path / "run")
    again = open_corpus(tmp_path / "run")
    assert again.sounds == corpus.sounds and np.array_equal(again.array, corpus.array)
    assert not list((tmp_path / "run").glob("*.part"))


def test_crops_cover_all_files_but_not_the_held_out_ends(mixed, tmp_path):
    corpus, _ = gathered(mixed, tmp_path / "run")
    places = np.arange(len(corpus.array), dtype=np.float32)[:, None]
    numbered = type(corpus)(places, corpus.sounds, RATE)
    allowed = np.zeros(len(places), bool)
    for sound in corpus.sounds:
        allowed[sound.start : sound.start + sound.samples] = True
    generator, hit = np.random.default_rng(0), set()
    for _ in range(200):
        crop = numbered.crop(generator, 2049)[0].astype(int)
        assert allowed[crop].all() and (np.diff(crop) == 1).all()
        hit.add(next(i for i, s in enumerate(corpus.sounds) if s.start <= crop[0] < s.start + s.samples))
    assert hit == {0, 1, 2, 3}
    held = numbered.held_out(1000, 4).astype(int)
    assert not allowed[held].any() and held.shape == (4, 1, 1000)
    assert not allowed[numbered.held_out(50000, 1).astype(int)].any()  # longer than all held-out sound


def test_silent_held_out_ends_are_an_error(tmp_path):
    (tmp_path / "in").mkdir()
    soundfile.write(tmp_path / "in" / "x.wav", np.r_[np.ones(5000), np.zeros(5000)], RATE)
    corpus, _ = gathered(tmp_path / "in", tmp_path / "run")
    with pytest.raises(RtraveError, match="silent or too short"):
        corpus.held_out(1000, 2)


def test_a_short_sound_is_padded_with_silence(tmp_path):
    (tmp_path / "in").mkdir()
    soundfile.write(tmp_path / "in" / "x.wav", np.full(17, 0.5), RATE)
    corpus, _ = gathered(tmp_path / "in", tmp_path / "run")
    crop = corpus.crop(np.random.default_rng(0), 2048)
    assert crop[0, :17].all() and not crop[0, 17:].any()


def test_errors_of_unreadable_files_and_missing_folders(mixed, tmp_path):
    (mixed / "z.wav").write_bytes(b"RIFF nothing")
    with pytest.raises(RtraveError, match=r"z\.wav"):
        gathered(mixed, tmp_path / "run")
    assert not (tmp_path / "run" / "corpus.json").exists()
    with pytest.raises(RtraveError, match="no folder"):
        sound_files([tmp_path / "missing"])
