"""Scores of a reconstructed clip, and their means over several clips."""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch

from rtrave.train.loudness import attack_error_db, loudness_error_db, treble_error_db
from rtrave.train.pitch import cents_apart, pitch_hz
from rtrave.train.spectral import log_spectral_distance_db, spectral_distance

CENTS = 50.0


@dataclass(frozen=True)
class Clip:
    """Scores of one reconstructed clip.

    Attributes
    ----------
    name : str
        Name of the file.
    group : str
        Name of its folder.
    distance : float
        Multi-scale spectral distance, see `rtrave.train.spectral`.
    lsd_db : float
        Log-spectral distance.
    f0_median_cents, f0_within_50 : float or None
        Median absolute pitch error, and the share of frames within 50 cents; None if no frame is voiced in both.
    voiced_both, voiced : int
        Frames of 10 ms that are voiced in both sounds, and in the original.
    loudness_error_db : float
        Mean absolute level difference of the 50 ms frames of the original above -50 dBFS.
    attack_error_db : float or None
        Mean error of the level's rise at attacks, below 0 for weaker ones; None if the original has no attack.
    treble_error_db : float
        Level above 6 kHz relative to that of the original.
    """

    name: str
    group: str
    distance: float
    lsd_db: float
    f0_median_cents: float | None
    f0_within_50: float | None
    voiced_both: int
    voiced: int
    loudness_error_db: float
    attack_error_db: float | None
    treble_error_db: float


@dataclass(frozen=True)
class Summary:
    """Means of the scores of several clips; those of the pitch are weighted by the frames voiced in both sounds.

    The attributes are those of `Clip`. `f0_median_cents` is the median over the clips; the counts are sums.
    """

    distance: float
    lsd_db: float
    f0_median_cents: float | None
    f0_within_50: float | None
    voiced_both: int
    voiced: int
    loudness_error_db: float
    attack_error_db: float | None
    treble_error_db: float


def compare(
    original: np.ndarray, reconstruction: np.ndarray, sample_rate: int, name: str = "", group: str = ""
) -> Clip:
    """Score a reconstruction; both sounds are float32 [C, T] of one length.

    Pitch, loudness and LSD are those of the mean over the channels.
    """
    expected, actual = original.mean(axis=0), reconstruction.mean(axis=0)
    expected_hz, actual_hz = pitch_hz(expected, sample_rate), pitch_hz(actual, sample_rate)
    cents = cents_apart(expected_hz, actual_hz)
    with torch.no_grad():
        distance = float(spectral_distance(torch.from_numpy(original), torch.from_numpy(reconstruction)))
    return Clip(
        name=name,
        group=group,
        distance=distance,
        lsd_db=log_spectral_distance_db(expected, actual),
        f0_median_cents=float(np.median(cents)) if len(cents) else None,
        f0_within_50=float((cents <= CENTS).mean()) if len(cents) else None,
        voiced_both=len(cents),
        voiced=int(np.isfinite(expected_hz).sum()),
        loudness_error_db=loudness_error_db(expected, actual, sample_rate),
        attack_error_db=attack_error_db(expected, actual, sample_rate),
        treble_error_db=treble_error_db(expected, actual, sample_rate),
    )


def summarise(clips: Iterable[Clip]) -> Summary:
    """Average the scores of clips."""
    clips = list(clips)
    weights = [clip.voiced_both for clip in clips]
    pitched = [(c.f0_within_50, c.voiced_both) for c in clips if c.f0_within_50 is not None]
    attacks = [c.attack_error_db for c in clips if c.attack_error_db is not None]
    medians = [c.f0_median_cents for c in clips if c.f0_median_cents is not None]
    return Summary(
        distance=statistics.fmean(c.distance for c in clips),
        lsd_db=statistics.fmean(c.lsd_db for c in clips),
        f0_median_cents=statistics.median(medians) if medians else None,
        f0_within_50=sum(share * n for share, n in pitched) / sum(weights) if pitched else None,
        voiced_both=sum(weights),
        voiced=sum(c.voiced for c in clips),
        loudness_error_db=statistics.fmean(c.loudness_error_db for c in clips),
        attack_error_db=statistics.fmean(attacks) if attacks else None,
        treble_error_db=statistics.fmean(c.treble_error_db for c in clips),
    )
