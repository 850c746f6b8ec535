"""MIDI files of one track, and their rendition by FluidSynth."""

from __future__ import annotations

import struct
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import soundfile

SOUND_FONT = Path("/usr/share/sounds/sf2/FluidR3_GM.sf2")
TICKS_PER_BEAT = 480

Event = tuple[int, int, bytes]  # tick, order within the tick, message


def variable_length(value: int) -> bytes:
    """Encode a time difference as a MIDI variable-length quantity: seven bits per byte, the highest first."""
    data = [value & 0x7F]
    while value := value >> 7:
        data.insert(0, value & 0x7F | 0x80)
    return bytes(data)


def midi_file(events: Iterable[Event], end_tick: int, beat_s: float) -> bytes:
    """Return the content of a MIDI file with one track that ends at `end_tick`."""
    tempo = struct.pack(">I", round(beat_s * 1e6))[1:]
    track, now = b"\x00\xff\x51\x03" + tempo, 0
    for tick, _, message in sorted(events):
        track += variable_length(tick - now) + message
        now = tick
    track += variable_length(max(end_tick - now, 0)) + b"\xff\x2f\x00"
    header = struct.pack(">4sIHHH", b"MThd", 6, 0, 1, TICKS_PER_BEAT)
    return header + struct.pack(">4sI", b"MTrk", len(track)) + track


def is_sound_font(path: Path) -> bool:
    """Check a file for the header of a sound font (SoundFont 2.04, section 4)."""
    with path.open("rb") as file:
        head = file.read(12)
    return head[:4] == b"RIFF" and head[8:] == b"sfbk"


def play(midi: bytes, sample_rate: int, sound_font: Path, reverb: bool) -> np.ndarray:
    """Render a MIDI file with FluidSynth, without chorus, mixed to mono: float64 [T]."""
    with tempfile.TemporaryDirectory() as folder:
        score, wav = Path(folder, "score.mid"), Path(folder, "score.wav")
        score.write_bytes(midi)
        options = ["-ni", "-q", "-o", "synth.dynamic-sample-loading=1"]  # otherwise it reads the whole sound font
        options += ["-g", "0.8", "-R", str(int(reverb)), "-C", "0", "-r", str(sample_rate), "-O", "float"]
        subprocess.run(["fluidsynth", *options, "-F", str(wav), str(sound_font), str(score)], check=True)
        sound, _ = soundfile.read(wav)
    return sound.mean(axis=1)
