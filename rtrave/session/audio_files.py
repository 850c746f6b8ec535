"""Float32 WAV files that grow: a true header at every moment, a new file before 4 GB."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from rtrave.errors import RtraveError

# The sizes in a WAV header have 32 bits; the rest of them is left for the header itself.
WAV_LIMIT_BYTES = 4_000_000_000
_BYTES_PER_SAMPLE = 4
# libsndfile's SFC_SET_UPDATE_HEADER_AUTO. Without it the header says "0 samples" until the file is closed:
# libsndfile itself would still find the samples after a kill, other readers would not.
_UPDATE_HEADER_AUTO = 0x1061


class GrowingWav:
    """One signal over as many WAV files as it needs: `input.wav`, `input-002.wav`, ...

    Parameters
    ----------
    folder : Path
        An existing folder.
    name : str
        Name of the files, without suffix.
    sample_rate : int
        Hz.
    channels : int
        Number of channels, C.
    limit_bytes : int
        Sample data per file, at most.

    Raises
    ------
    RtraveError
        The file cannot be created.

    Notes
    -----
    Used by one thread at a time, in the control process.
    """

    def __init__(
        self, folder: Path, name: str, sample_rate: int, channels: int, limit_bytes: int = WAV_LIMIT_BYTES
    ) -> None:
        self._folder, self._name = folder, name
        self._sample_rate, self._channels = sample_rate, channels
        self._file_samples = max(1, limit_bytes // (_BYTES_PER_SAMPLE * channels))
        self.samples = 0
        self._file = self._open(1)

    def write(self, rows: NDArray[np.float32]) -> None:
        """Append `rows`, float32 [T, C]. RtraveError when the disk refuses them."""
        while len(rows):
            number, used = divmod(self.samples, self._file_samples)
            if used == 0 and number > 0:
                self._file.close()
                self._file = self._open(number + 1)
            part = rows[: self._file_samples - used]
            try:
                self._file.write(part)
            # soundfile asserts that all samples were taken: on a full disk they are not.
            except (OSError, soundfile.SoundFileError, AssertionError) as error:
                reason = str(error) or "disk full"
                raise RtraveError(f"cannot write '{self._file.name}': {reason}: free some space") from error
            self.samples += len(part)
            rows = rows[len(part) :]

    def close(self) -> None:
        """Close the file; a second call does nothing."""
        self._file.close()

    def _open(self, number: int) -> soundfile.SoundFile:
        path = self._folder / (f"{self._name}.wav" if number == 1 else f"{self._name}-{number:03d}.wav")
        try:
            file = soundfile.SoundFile(path, "x", self._sample_rate, self._channels, "FLOAT", format="WAV")
        except (OSError, soundfile.SoundFileError) as error:
            raise RtraveError(f"cannot create '{path}': {error}") from error
        # soundfile has no public name for this command of libsndfile.
        soundfile._snd.sf_command(file._file, _UPDATE_HEADER_AUTO, soundfile._ffi.NULL, 1)
        return file


def audio_paths(folder: Path, name: str) -> list[Path]:
    """Return the files of one signal, in order, without those that a kill left empty (no header yet)."""
    later = sorted(folder.glob(f"{name}-*.wav"), key=lambda path: int(path.stem.rpartition("-")[2]))
    return [path for path in (folder / f"{name}.wav", *later) if path.exists() and path.stat().st_size]


def read_wavs(paths: list[Path], channels: int, start: int = 0, stop: int | None = None) -> NDArray[np.float32]:
    """Read samples `start` to `stop` (the end where None) of the files as one signal.

    Returns
    -------
    float32 [C, T]

    Raises
    ------
    RtraveError
        A file is not readable as sound.
    """
    parts = [np.zeros((0, channels), np.float32)]
    first = 0
    for path in paths:
        try:
            with soundfile.SoundFile(path) as file:
                low = min(max(start - first, 0), file.frames)
                high = file.frames if stop is None else min(max(stop - first, low), file.frames)
                file.seek(low)
                parts.append(file.read(high - low, dtype="float32", always_2d=True))
                first += file.frames
        except (OSError, soundfile.SoundFileError) as error:
            raise RtraveError(f"'{path}': expected a sound file, got {error}") from error
    return np.ascontiguousarray(np.concatenate(parts).T)
