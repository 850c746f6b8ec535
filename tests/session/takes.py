"""Takes for the tests of this folder: seeded rows as the audio process writes them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rtrave.control.vector import Layout, make_layout
from rtrave.ipc.hop_record import HopRecords, hop_dtype
from rtrave.session.writer import SessionWriter

SAMPLE_RATE, CHANNELS, DIMS, LATENT_FRAMES, HOP = 44100, 2, 5, 2, 2048


class Clock:
    """A clock that advances by a quarter of a second each time it is read."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        self.now_s += 0.25
        return self.now_s


def open_writer(folder: Path, layout: Layout | None = None, **options: object) -> SessionWriter:
    header = {"model": {"name": "tiny", "hash": "0123"}, "seed": np.int64(7), "latency_ms": np.float32(1.5)}
    return SessionWriter(
        folder, header, SAMPLE_RATE, CHANNELS, DIMS, LATENT_FRAMES, layout or make_layout(DIMS), **options
    )


def audio_rows(samples: int, seed: int = 0) -> NDArray[np.float32]:
    return np.random.default_rng(seed).uniform(-1, 1, (samples, 2 * CHANNELS)).astype(np.float32)


def hop_rows(latent_frames: list[int], seed: int = 0) -> tuple[HopRecords, list[NDArray[np.float32]]]:
    """Records of the hops ring, and the latents in them as [n, D] before and after the edits."""
    random = np.random.default_rng(seed)
    z = random.standard_normal((2, len(latent_frames), DIMS, LATENT_FRAMES)).astype(np.float32)
    rows = np.zeros(len(latent_frames), hop_dtype(DIMS, LATENT_FRAMES))
    rows["latent_frame"] = latent_frames
    rows["z_in"], rows["z_out"] = z
    by_frame = [np.concatenate(list(end), axis=1).T if len(latent_frames) else end for end in z]
    return rows, by_frame
