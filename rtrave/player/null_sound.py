"""The sound that the null device loops, as an array file for the audio process."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from rtrave.errors import RtraveError
from rtrave.ipc.options import NullDevice, RunOptions
from rtrave.settings import assets_dir
from rtrave.sound_file import SoundReader


def with_null_sound(
    options: RunOptions, input_file: Path | None, sample_rate: int, channels: int, folder: Path
) -> RunOptions:
    """Return the options with the null device, and write the array that it loops to a folder.

    The array has as many channels as the model, and those that the options name; a sound with fewer channels repeats
    its last one.

    Parameters
    ----------
    input_file : Path or None
        A sound file; None is the demo sound.
    sample_rate, channels : int
        Of the model.

    Raises
    ------
    RtraveError
        The file is no sound, or an empty one.
    """
    path = input_file or assets_dir() / "demo.flac"
    named = (*(options.input_channels or ()), *(options.second_input or ()))
    channels = max(channels, *(1 + channel for several in named for channel in several), 1)
    sound = SoundReader(path, sample_rate, channels).read()
    if not len(sound):
        raise RtraveError(f"'{path}': expected a sound, got an empty file: choose another one")
    array = folder / f"{path.name}.npy"
    np.save(array, sound)
    return replace(options, device=None, null=NullDevice(array))
