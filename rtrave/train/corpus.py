"""The sounds a model learns from: any files, converted once into one array on disk; crops at random places."""

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
HELD_OUT = 1 / 20  # of each file, at its end, is never learned from
RESAMPLER_MARGIN = 64  # samples


@dataclass(frozen=True)
class Sound:
    """A file's place in the array: `start` and `samples` for learning, followed by `held_out` samples for judging."""

    path: str
    start: int
    samples: int
    held_out: int


@dataclass(frozen=True)
class Corpus:
    """Sounds in one array, float32 [samples, channels], which stays on disk."""

    array: np.ndarray
    sounds: tuple[Sound, ...]
    sample_rate: int

    @property
    def channels(self) -> int:
        """Audio channels."""
        return int(self.array.shape[1])

    @property
    def minutes(self) -> float:
        """Of sound to learn from."""
        return sum(sound.samples for sound in self.sounds) / self.sample_rate / 60

    def crop(self, generator: np.random.Generator, samples: int, speed: float = 1.0) -> np.ndarray:
        """A crop float32 [channels, samples] from a random place, played `speed` times as fast.

        Every sample is as likely as any other; what a short sound lacks is silence.
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
        """Clips float32 [clips, channels, samples] of what is never learned from, always the same ones.

        The ends of all sounds in a row, over again where they are shorter than a clip, and clips evenly spread on them.
        """
        ends = [self.array[s.start + s.samples : s.start + s.samples + s.held_out] for s in self.sounds]
        row = np.concatenate(ends)
        if not row.any():
            raise RtraveError("the ends of the sounds, which are held out, are silent or too short: give more sound")
        row = np.tile(row, (-(-samples // len(row)), 1))
        starts = np.linspace(0, len(row) - samples, clips).round().astype(int)
        return np.stack([np.ascontiguousarray(row[start : start + samples].T) for start in starts])


def sound_files(folders: Sequence[Path]) -> list[Path]:
    """Every sound file in the folders and below them, in the order of their names."""
    found = []
    known = (*endings(), ".opus", ".m4a", ".mp4")
    for folder in folders:
        if not folder.exists():
            raise RtraveError(f"no folder {folder}: give one with sound files")
        paths = [folder] if folder.is_file() else sorted(folder.rglob("*"))
        found += [path for path in paths if path.is_file() and path.suffix.lower() in known]
    if not found:
        names = ", ".join(map(str, folders))
        raise RtraveError(f"no sound file in {names}: give folders with WAV, FLAC, MP3 or the like")
    return found


def gather(
    folders: Sequence[Path], run: Path, sample_rate: int, channels: int, told: Callable[[Path, float], None]
) -> Corpus:
    """Convert all sounds below the folders into the run's array, and open it.

    Parameters
    ----------
    told : callable (path, share)
        Called after each file, with the share of files read.

    Raises
    ------
    RtraveError
        No sound, a file that cannot be read or holds NaN or infinity; the disk is full.
    """
    paths, sounds, at = sound_files(folders), [], 0
    part = run / f"{SAMPLES_FILE}.part"
    try:
        with part.open("wb") as file:
            for number, path in enumerate(paths, 1):
                x = SoundReader(path, sample_rate, channels).read()
                if not np.isfinite(x).all():
                    raise RtraveError(f"{path} holds NaN or infinite samples: mend the file first")
                kept = int(len(x) * HELD_OUT)
                sounds.append(Sound(str(path), at, len(x) - kept, kept))
                at += len(x)
                file.write(np.ascontiguousarray(x, np.float32).tobytes())
                told(path, number / len(paths))
        part.replace(run / SAMPLES_FILE)
        record = {"sample_rate": sample_rate, "channels": channels, "sounds": [asdict(sound) for sound in sounds]}
        index = run / f"{INDEX_FILE}.part"
        index.write_text(json.dumps(record, indent=1), encoding="utf-8")
        index.replace(run / INDEX_FILE)
    except OSError as error:
        raise RtraveError(f"cannot write to {run}: {error.strerror or error}") from error
    return open_corpus(run)


def open_corpus(run: Path) -> Corpus:
    """The array that a run has gathered."""
    try:
        record = json.loads((run / INDEX_FILE).read_text(encoding="utf-8"))
        sounds = tuple(Sound(**sound) for sound in record["sounds"])
        array = np.memmap(run / SAMPLES_FILE, np.float32, "r").reshape(-1, record["channels"])
        return Corpus(array, sounds, record["sample_rate"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RtraveError(f"{run} holds no readable corpus ({error}): start the run again without --resume") from error
