"""Sound files of any readable format, converted to the sample rate, channels and hops of a model."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile
import soxr

from rtrave.errors import RtraveError

BLOCK_SAMPLES = 1 << 16
UNNAMED = ("RAW",)  # formats without a header, which no reader can identify


def match_channels(x: np.ndarray, channels: int) -> np.ndarray:
    """Convert [T, F] to [T, channels]: a mix for mono, else the first channels, with the last one repeated."""
    if x.shape[1] == channels:
        return x
    if channels == 1:
        return x.mean(axis=1, keepdims=True)
    return x[:, np.minimum(np.arange(channels), x.shape[1] - 1)]


def endings() -> tuple[str, ...]:
    """Return the file name endings of the formats that can be written."""
    return tuple(sorted(f".{name.lower()}" for name in soundfile.available_formats() if name not in UNNAMED))


class SoundReader:
    """Reader of a sound file in pieces, converted to a sample rate and a number of channels.

    Parameters
    ----------
    path : Path
    sample_rate : int
        Sample rate of the pieces in Hz; soxr resamples a file of another rate, at high quality and without delay.
    channels : int
        Channels of the pieces.

    Attributes
    ----------
    expected_samples : int
        Samples of the whole sound, accurate enough for a progress bar.
    samples : int
        Samples read so far, at `sample_rate`.

    Raises
    ------
    RtraveError
        The file is missing, cannot be read, or holds no sample.
    """

    def __init__(self, path: Path, sample_rate: int, channels: int) -> None:
        try:
            self._file = soundfile.SoundFile(path)
        except (OSError, soundfile.SoundFileError) as error:
            reason = str(error).split(": ", 1)[-1]
            raise RtraveError(f"cannot read '{path}': {reason}: give a sound file such as WAV or FLAC") from error
        if not self._file.frames:
            self._file.close()
            raise RtraveError(f"'{path}': expected a sound, got 0 samples: give a longer file")
        self.path, self.sample_rate, self.channels = path, sample_rate, channels
        self.file_rate: int = self._file.samplerate
        self.file_channels: int = self._file.channels
        self.samples = 0
        self.expected_samples = round(self._file.frames * sample_rate / self.file_rate)

    def pieces(self) -> Iterator[np.ndarray]:
        """Yield the sound, float32 [T, channels], in pieces of any length."""
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
        """Yield the sound in hops, float32 [channels, hop]; silence completes the last one."""
        rest = np.zeros((0, self.channels), np.float32)
        for piece in self.pieces():
            self.samples += len(piece)
            rest = np.concatenate((rest, piece))
            while len(rest) >= hop:
                yield np.ascontiguousarray(rest[:hop].T)
                rest = rest[hop:]
        if len(rest):
            last = np.zeros((self.channels, hop), np.float32)
            last[:, : len(rest)] = rest.T
            yield last

    def read(self) -> np.ndarray:
        """Return the whole sound, float32 [T, channels]."""
        return np.concatenate([np.zeros((0, self.channels), np.float32), *self.pieces()])


class SoundWriter:
    """Writer of a sound file in pieces: `.wav` in 32-bit float, `.flac` in 24 bits, others in their default form.

    The ending of the name selects the format. A context manager; RtraveError if the file cannot be written.
    """

    def __init__(self, path: Path, sample_rate: int, channels: int) -> None:
        self._path = path
        ending = path.suffix.lower()
        if ending not in endings():
            found = repr(path.suffix) if ending else "a name without one"
            raise RtraveError(f"'{path}': expected one of the endings {', '.join(endings())}, got {found}")
        subtype = {".wav": "FLOAT", ".flac": "PCM_24"}.get(ending)
        try:
            self._file = soundfile.SoundFile(path, "w", sample_rate, channels, subtype)
        except (OSError, TypeError, ValueError, soundfile.SoundFileError) as error:
            reason = str(error).split(": ", 1)[-1]
            raise RtraveError(f"cannot write '{path}': {reason}: give a path such as out.wav") from error

    def __enter__(self) -> SoundWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def write(self, y: np.ndarray) -> None:
        """Append float32 [C, T]."""
        try:
            self._file.write(y.T)
        except soundfile.SoundFileError as error:
            raise RtraveError(f"cannot write '{self._path}': {error}") from error
