"""The training corpus: sound files of any format, converted once into one array on disk, and random crops of it."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import soxr

from rtrave.errors import RtraveError
from rtrave.sound_file import SoundReader, endings

SAMPLES_FILE, INDEX_FILE = "corpus.f32", "corpus.json"
HELD_OUT_SHARE = 1 / 20  # the end of each file, which no training crop contains
RESAMPLER_MARGIN = 64  # extra samples, since the resampler may return a few less


@dataclass(frozen=True)
class Sound:
    """Position of a file in the array: from `start`, `samples` to train on, then `held_out` to validate with."""

    path: str
    start: int
    samples: int
    held_out: int


@dataclass(frozen=True)
class Corpus:
    """Sounds in one array, float32 [samples, channels], memory-mapped from disk."""

    array: np.ndarray
    sounds: tuple[Sound, ...]
    sample_rate: int

    @property
    def channels(self) -> int:
        """Number of audio channels."""
        return int(self.array.shape[1])

    @property
    def minutes(self) -> float:
        """Minutes of training sound, without the held-out ends."""
        return sum(sound.samples for sound in self.sounds) / self.sample_rate / 60

    def crop(self, generator: np.random.Generator, samples: int, speed: float = 1.0) -> np.ndarray:
        """Draw a training crop, float32 [channels, samples], played `speed` times as fast.

        Files are drawn in proportion to their lengths. A file shorter than the crop is padded with silence.
        """
        lengths = np.array([sound.samples for sound in self.sounds], np.float64)
        sound = self.sounds[int(generator.choice(len(lengths), p=lengths / lengths.sum()))]
        needed = samples if speed == 1 else math.ceil(samples * speed) + RESAMPLER_MARGIN
        first = int(generator.integers(max(sound.samples - needed, 0) + 1))
        piece = self.array[sound.start + first : sound.start + min(first + needed, sound.samples)]
        if speed != 1:
            piece = soxr.resample(piece, speed, 1.0, "MQ")
        crop = np.zeros((self.channels, samples), np.float32)
        crop[:, : min(len(piece), samples)] = piece[:samples].T
        return crop

    def held_out(self, samples: int, clips: int) -> np.ndarray:
        """Return evenly spaced clips of the held-out sound, float32 [clips, channels, samples]; the same each time.

        The held-out ends of all files are joined, and repeated where they are shorter than a clip.

        Raises
        ------
        RtraveError
            The held-out sound is silent or empty.
        """
        ends = [self.array[s.start + s.samples : s.start + s.samples + s.held_out] for s in self.sounds]
        joined = np.concatenate(ends)
        if not joined.any():
            raise RtraveError("the held-out ends of the sound files are silent or too short: give more sound")
        joined = np.tile(joined, (-(-samples // len(joined)), 1))
        starts = np.linspace(0, len(joined) - samples, clips).round().astype(int)
        return np.stack([np.ascontiguousarray(joined[start : start + samples].T) for start in starts])


def sound_files(folders: Sequence[Path]) -> list[Path]:
    """List every sound file in the folders, at any depth, sorted by path within each folder.

    Raises
    ------
    RtraveError
        A folder does not exist, or none of them holds a sound file.
    """
    found = []
    known = (*endings(), ".opus", ".m4a", ".mp4")
    for folder in folders:
        if not folder.exists():
            raise RtraveError(f"no folder '{folder}': give a folder with sound files")
        paths = [folder] if folder.is_file() else sorted(folder.rglob("*"))
        found += [path for path in paths if path.is_file() and path.suffix.lower() in known]
    if not found:
        names = ", ".join(f"'{folder}'" for folder in folders)
        raise RtraveError(f"no sound file in {names}: give folders with WAV, FLAC, MP3 or other sound files")
    return found


def gather(
    folders: Sequence[Path], run: Path, sample_rate: int, channels: int, on_file: Callable[[Path, float], None]
) -> Corpus:
    """Convert all sound files in the folders into the run's array, and open it.

    Parameters
    ----------
    on_file : callable (path, share)
        Called after each file with the share of files read, 0 to 1.

    Raises
    ------
    RtraveError
        There is no sound file, a file cannot be read or holds NaN or infinity, or the array cannot be written.
    """
    paths, sounds, position = sound_files(folders), [], 0
    part = run / f"{SAMPLES_FILE}.part"
    try:
        with part.open("wb") as file:
            for number, path in enumerate(paths, 1):
                x = SoundReader(path, sample_rate, channels).read()
                if not np.isfinite(x).all():
                    raise RtraveError(
                        f"'{path}': expected finite samples, got NaN or infinity: repair or remove the file"
                    )
                held_out = int(len(x) * HELD_OUT_SHARE)
                sounds.append(Sound(str(path), position, len(x) - held_out, held_out))
                position += len(x)
                file.write(np.ascontiguousarray(x, np.float32).tobytes())
                on_file(path, number / len(paths))
        part.replace(run / SAMPLES_FILE)
        record = {"sample_rate": sample_rate, "channels": channels, "sounds": [asdict(sound) for sound in sounds]}
        index = run / f"{INDEX_FILE}.part"
        index.write_text(json.dumps(record, indent=1), encoding="utf-8")
        index.replace(run / INDEX_FILE)
    except OSError as error:
        raise RtraveError(f"cannot write to '{run}': {error.strerror or error}") from error
    return open_corpus(run)


def open_corpus(run: Path) -> Corpus:
    """Open the array of a run; RtraveError if it is missing or damaged."""
    try:
        record = json.loads((run / INDEX_FILE).read_text(encoding="utf-8"))
        sounds = tuple(Sound(**sound) for sound in record["sounds"])
        array = np.memmap(run / SAMPLES_FILE, np.float32, "r").reshape(-1, record["channels"])
        return Corpus(array, sounds, record["sample_rate"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RtraveError(f"'{run}': no readable corpus ({error}): start the run again without --resume") from error
