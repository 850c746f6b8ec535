"""Sound files of any readable format, rate and channel count, as a model wants them: its rate, its channels, whole
hops."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile
import soxr

from rtrave.errors import RtraveError

BLOCK_SAMPLES = 1 << 16
UNNAMED = ("RAW",)  # without a header, so that no reader would know what it is


def match_channels(x: np.ndarray, channels: int) -> np.ndarray:
    """[T, F] -> [T, channels]: as they are, mixed down to mono, or the first ones, the last repeated where some
    lack."""
    if x.shape[1] == channels:
        return x
    if channels == 1:
        return x.mean(axis=1, keepdims=True)
    return x[:, np.minimum(np.arange(channels), x.shape[1] - 1)]


def endings() -> tuple[str, ...]:
    """The endings of names by which a sound file can be written."""
    return tuple(sorted(f".{name.lower()}" for name in soundfile.available_formats() if name not in UNNAMED))


class SoundReader:
    """Reads a sound file piece by piece, converted.

    Parameters
    ----------
    path : Path
    sample_rate : int
        Hz wanted; another rate in the file is resampled (soxr, high quality, its delay taken out).
    channels : int
        Channels wanted.

    Attributes
    ----------
    expected_samples : int
        That will come, to the precision a progress bar needs.
    samples : int
        That have come so far, in the wanted rate.

    Raises
    ------
    RtraveError
        No such file, none that can be read, or one without a sample.
    """

    def __init__(self, path: Path, sample_rate: int, channels: int) -> None:
        try:
            self._file = soundfile.SoundFile(path)
        except (OSError, soundfile.SoundFileError) as error:
            reason = str(error).split(": ", 1)[-1]
            raise RtraveError(f"cannot read {path}: {reason}: give a sound file such as WAV or FLAC") from error
        if not self._file.frames:
            self._file.close()
            raise RtraveError(f"{path} holds no sound (0 samples): give a file with something in it")
        self.path, self.sample_rate, self.channels = path, sample_rate, channels
        self.file_rate: int = self._file.samplerate
        self.file_channels: int = self._file.channels
        self.samples = 0
        self.expected_samples = round(self._file.frames * sample_rate / self.file_rate)

    def pieces(self) -> Iterator[np.ndarray]:
        """The sound, float32 [T, channels], in pieces of any length."""
        resampler = None
        if self.file_rate != self.sample_rate:
            resampler = soxr.ResampleStream(self.file_rate, self.sample_rate, self.channels, dtype="float32")
        with self._file as file:
            while len(block := file.read(BLOCK_SAMPLES, dtype="float32", always_2d=True)):
                block = match_channels(block, self.channels)
                yield block if resampler is None else resampler.resample_chunk(block)
        if resampler is not None:
            yield resampler.resample_chunk(np.zeros((0, self.channels), np.float32), last=True)

    def hops(self, hop: int) -> Iterator[np.ndarray]:
        """The sound in whole hops, float32 [channels, hop], the last one filled with silence."""
        kept = np.zeros((0, self.channels), np.float32)
        for piece in self.pieces():
            self.samples += len(piece)
            kept = np.concatenate((kept, piece))
            while len(kept) >= hop:
                yield np.ascontiguousarray(kept[:hop].T)
                kept = kept[hop:]
        if len(kept):
            last = np.zeros((self.channels, hop), np.float32)
            last[:, : len(kept)] = kept.T
            yield last

    def read(self) -> np.ndarray:
        """The whole sound, float32 [T, channels]."""
        return np.concatenate([np.zeros((0, self.channels), np.float32), *self.pieces()])


class SoundWriter:
    """Writes a sound file piece by piece: `.wav` as 32-bit float, `.flac` and other formats at their best.

    The ending of the name chooses the format. A context manager; RtraveError where the file cannot be written.
    """

    def __init__(self, path: Path, sample_rate: int, channels: int) -> None:
        self._path = path
        ending = path.suffix.lower()
        if ending not in endings():
            came = f"the ending {path.suffix!r}" if ending else "a name without an ending"
            raise RtraveError(f"cannot write {path}: {came} came, known are {', '.join(endings())}")
        subtype = {".wav": "FLOAT", ".flac": "PCM_24"}.get(ending)
        try:
            self._file = soundfile.SoundFile(path, "w", sample_rate, channels, subtype)
        except (OSError, TypeError, ValueError, soundfile.SoundFileError) as error:
            reason = str(error).split(": ", 1)[-1]
            raise RtraveError(f"cannot write {path}: {reason}: give a path such as out.wav") from error

    def __enter__(self) -> SoundWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def write(self, y: np.ndarray) -> None:
        """Append float32 [C, T]."""
        try:
            self._file.write(y.T)
        except soundfile.SoundFileError as error:
            raise RtraveError(f"cannot write {self._path}: {error}") from error
