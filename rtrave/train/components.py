"""Usefulness of a model's latent components to a player: variance, effect on the sound, and a word for that effect.

A component is one dimension of the compressed latent space, after the PCA.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch

from rtrave.model.offline import decode_blocks
from rtrave.model.rave import Model
from rtrave.train.pitch import pitch_hz
from rtrave.train.spectral import spectral_distance

PEAK = 0.8
CARRYING_SHARE = 0.01  # share of the variance above which a component counts as carrying
MOVING_DISTANCE = 0.5  # spectral distance above which a component counts as moving the sound
PUSH = 2.0  # offset of a component in each direction, in latent units
PUSH_SAMPLES = 65536  # least length of sound decoded for each offset
EXCERPTS = 6  # evenly spaced excerpts of the latents, in each of which a component is offset
WINDOW = 2048
LOWEST_HZ, HIGHEST_HZ = 60.0, 12000.0  # band in which brightness and noise are measured
SMALLEST_POWER = 1e-10
POWER_FLOOR = 1e-6  # relative to the strongest power: inaudible bins do not count
# Feature -> the words for an increase and a decrease, and the change that is clearly audible.
CHANGES = {
    "level_db": ("louder", "softer", 6.0),
    "brightness_octaves": ("brighter", "darker", 0.33),
    "pitch_octaves": ("higher", "lower", 1 / 12),
    "noise_db": ("noisier", "purer", 4.0),
}
MIXED = "mixed"  # no feature changes clearly, or its direction differs between excerpts


@dataclass(frozen=True)
class LatentStatistics:
    """Statistics of the components of a model on some sounds.

    Attributes
    ----------
    shares : list of float
        Share of the variance of each component.
    carrying : int
        Components with more than 1 % of the variance.
    std : list of float
        Standard deviation of each component.
    low, high : float
        1st and 99th percentile over all components.
    moves : list of float
        Spectral distance between the sounds of each component at -2 and at +2.
    moving : int
        Carrying components that move the sound by more than 0.5.
    words : list of str
        Word for the clearest change of the sound when each component increases.
    """

    shares: list[float]
    carrying: int
    std: list[float]
    low: float
    high: float
    moves: list[float]
    moving: int
    words: list[str]


def push_frames(model: Model) -> int:
    """Return the number of latent frames that are decoded for one offset of a component."""
    return -(-PUSH_SAMPLES // model.spec.ratio)


def decode_components(model: Model, components: np.ndarray) -> np.ndarray:
    """Decode components [D, N] to audio float32 [C, T]."""
    return np.concatenate(list(decode_blocks(model, components, True)), axis=1)


@torch.no_grad()
def latent_statistics(model: Model, z: np.ndarray) -> LatentStatistics:
    """Measure the components of full-space latents [D, N]."""
    components = model.postprocess(torch.from_numpy(z)[None])[0].numpy()
    variances = components.var(axis=1)
    shares = variances / max(variances.sum(), 1e-12)
    moves = [component_moves(model, components, i) for i in range(len(components))]
    return LatentStatistics(
        shares=[float(share) for share in shares],
        carrying=int((shares > CARRYING_SHARE).sum()),
        std=[float(std) for std in components.std(axis=1)],
        low=float(np.percentile(components, 1)),
        high=float(np.percentile(components, 99)),
        moves=moves,
        moving=sum(
            bool(share > CARRYING_SHARE) and move > MOVING_DISTANCE for share, move in zip(shares, moves, strict=True)
        ),
        words=[word_for(component_changes(model, components, i)) for i in range(len(components))],
    )


def component_moves(model: Model, components: np.ndarray, index: int) -> float:
    """Return the spectral distance between the sounds of component `index` at -2 and at +2.

    The other components stay at their means. The louder sound is the reference: relative to silence, the distance of
    any sound is unbounded.
    """
    constant = np.repeat(components.mean(axis=1, keepdims=True), push_frames(model), axis=1).astype(np.float32)
    sounds = []
    for value in (-PUSH, PUSH):
        constant[index] = value
        sounds.append(torch.from_numpy(decode_components(model, constant)))
    peak = max(float(sound.abs().max()) for sound in sounds)
    softer, louder = sorted((sound * (PEAK / max(peak, 1e-9)) for sound in sounds), key=torch.linalg.vector_norm)
    return float(spectral_distance(louder, softer))


def component_changes(model: Model, components: np.ndarray, index: int) -> list[dict[str, float]]:
    """Measure how the sound changes when component `index` goes from 2 below to 2 above its own course.

    Returns
    -------
    list of dict
        For each of six excerpts, the change of each feature in `CHANGES`; NaN where it cannot be measured.
    """
    frames = min(push_frames(model), components.shape[1])
    changes = []
    for start in np.linspace(0, components.shape[1] - frames, EXCERPTS).astype(int):
        features = []
        for push in (-PUSH, PUSH):
            pushed = components[:, start : start + frames].copy()
            pushed[index] += push
            features.append(sound_features(decode_components(model, pushed).mean(axis=0), model.sample_rate))
        changes.append({name: features[1][name] - features[0][name] for name in CHANGES})
    return changes


def sound_features(x: np.ndarray, sample_rate: int) -> dict[str, float]:
    """Measure level, brightness (spectral centroid), pitch and noise (spectral flatness) of a sound [T].

    Brightness and noise use the power between 60 Hz and 12 kHz. Pitch is NaN where no frame is voiced.
    """
    starts = range(0, max(len(x) - WINDOW, 1), WINDOW // 2)
    frames = np.stack([np.resize(x[start : start + WINDOW], WINDOW) for start in starts])
    powers = np.square(np.abs(np.fft.rfft(frames * np.hanning(WINDOW)))).mean(axis=0)
    hz = np.fft.rfftfreq(WINDOW, 1 / sample_rate)
    band = (hz >= LOWEST_HZ) & (hz <= HIGHEST_HZ)
    powers, hz = powers[band] + POWER_FLOOR * powers[band].max() + SMALLEST_POWER, hz[band]
    pitches = pitch_hz(x, sample_rate)
    pitches = pitches[np.isfinite(pitches)]
    return {
        "level_db": 10 * math.log10(float(np.square(x, dtype=np.float64).mean()) + SMALLEST_POWER),
        "brightness_octaves": math.log2(float((hz * powers).sum() / powers.sum())),
        "pitch_octaves": float(np.log2(np.median(pitches))) if len(pitches) else math.nan,
        "noise_db": 10 * float(np.log10(powers).mean() - np.log10(powers.mean())),
    }


def word_for(changes: list[dict[str, float]]) -> str:
    """Return the word for the most audible change.

    The mean of each feature's change over the excerpts is divided by the change that is clearly audible. A feature
    that is NaN in half of the excerpts or more does not count.
    """
    means = {}
    for name, (_, _, audible) in CHANGES.items():
        values = [change[name] for change in changes if math.isfinite(change[name])]
        if len(values) > len(changes) / 2:
            means[name] = float(np.mean(values)) / audible
    strongest = max(means, key=lambda name: abs(means[name]))
    more, less, _ = CHANGES[strongest]
    if abs(means[strongest]) < 1:
        return MIXED
    return more if means[strongest] > 0 else less
