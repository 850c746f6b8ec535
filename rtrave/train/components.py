"""What the components of a model's latent space are worth to a player: how much each carries, moves, and what it moves.

Components are the latents in the form musicians know, after the PCA.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch

from rtrave.model.offline import decode_blocks
from rtrave.model.rave import Model
from rtrave.train.pitch import pitch_hz
from rtrave.train.spectral import spectral_distance

PEAK = 0.8
CARRIES = 0.01  # share of the variance from which on a component counts
MOVES = 0.5  # spectral distance from which on pushing a component counts as moving the sound
PUSH = 2.0  # how far a component is moved either way
PUSH_SAMPLES = 65536  # of sound, at least
PLACES = 6  # in the sounds, at which the components are pushed for a word
WINDOW = 2048
LOWEST_HZ, HIGHEST_HZ = 60.0, 12000.0  # of brightness and noise
SMALLEST_POWER = 1e-10
FLOOR = 1e-6  # of the strongest power: what is below is not heard
# What a push changes: the words for more and for less of it, and a change that is plainly heard.
CHANGES = {
    "level_db": ("louder", "softer", 6.0),
    "brightness_octaves": ("brighter", "darker", 0.33),
    "pitch_octaves": ("higher", "lower", 1 / 12),
    "noise_db": ("noisier", "purer", 4.0),
}
MIXED = "mixed"  # no change is plain, or it goes another way at every place


def frames_of(model: Model) -> int:
    """Latent frames of a push."""
    return -(-PUSH_SAMPLES // model.spec.ratio)


def made_of(model: Model, components: np.ndarray) -> np.ndarray:
    """The sound float32 [C, T] of components [D, N]."""
    return np.concatenate(list(decode_blocks(model, components, True)), axis=1)


@torch.no_grad()
def latent_statistics(model: Model, z: np.ndarray) -> dict[str, Any]:
    """Of latents [D, N]: shares of the variance by component, how far they go, what each moves and its word."""
    components = model.postprocess(torch.from_numpy(z)[None])[0].numpy()
    variances = components.var(axis=1)
    shares = variances / max(variances.sum(), 1e-12)
    moves = [component_moves(model, components, i) for i in range(len(components))]
    return {
        "shares": [float(share) for share in shares],
        "carrying": int((shares > CARRIES).sum()),
        "std": [float(std) for std in components.std(axis=1)],
        "low": float(np.percentile(components, 1)),
        "high": float(np.percentile(components, 99)),
        "moves": moves,
        "moving": sum(bool(share > CARRIES) and move > MOVES for share, move in zip(shares, moves, strict=True)),
        "words": [word(component_changes(model, components, i)) for i in range(len(components))],
    }


def component_moves(model: Model, components: np.ndarray, index: int) -> float:
    """Spectral distance between component `index` held at -2 and at +2, the others at their mean; from the louder
    sound, since from silence any sound is without end far."""
    held = np.repeat(components.mean(axis=1, keepdims=True), frames_of(model), axis=1).astype(np.float32)
    sounds = []
    for value in (-PUSH, PUSH):
        held[index] = value
        sounds.append(torch.from_numpy(made_of(model, held)))
    peak = max(float(sound.abs().max()) for sound in sounds)
    softer, louder = sorted((sound * (PEAK / max(peak, 1e-9)) for sound in sounds), key=torch.linalg.vector_norm)
    return float(spectral_distance(louder, softer))


def component_changes(model: Model, components: np.ndarray, index: int) -> list[dict[str, float]]:
    """What becomes of the sounds that the components were taken from, when component `index` is 2 more than it is
    instead of 2 less: for each place in them a change by name, NaN where it cannot be told."""
    frames = min(frames_of(model), components.shape[1])
    changes = []
    for start in np.linspace(0, components.shape[1] - frames, PLACES).astype(int):
        sounds = []
        for push in (-PUSH, PUSH):
            pushed = components[:, start : start + frames].copy()
            pushed[index] += push
            sounds.append(describe(made_of(model, pushed).mean(axis=0), model.sample_rate))
        changes.append({name: sounds[1][name] - sounds[0][name] for name in CHANGES})
    return changes


def describe(x: np.ndarray, sample_rate: int) -> dict[str, float]:
    """Level, brightness (centre of the spectrum), pitch and noise (spectral flatness) of a sound [T].

    Brightness and noise are those of the power between 60 Hz and 12 kHz; pitch is NaN where there is none.
    """
    starts = range(0, max(len(x) - WINDOW, 1), WINDOW // 2)
    frames = np.stack([np.resize(x[start : start + WINDOW], WINDOW) for start in starts])
    powers = np.square(np.abs(np.fft.rfft(frames * np.hanning(WINDOW)))).mean(axis=0)
    hz = np.fft.rfftfreq(WINDOW, 1 / sample_rate)
    heard = (hz >= LOWEST_HZ) & (hz <= HIGHEST_HZ)
    powers, hz = powers[heard] + FLOOR * powers[heard].max() + SMALLEST_POWER, hz[heard]
    pitches = pitch_hz(x, sample_rate)
    pitches = pitches[np.isfinite(pitches)]
    return {
        "level_db": 10 * math.log10(float(np.square(x, dtype=np.float64).mean()) + SMALLEST_POWER),
        "brightness_octaves": math.log2(float((hz * powers).sum() / powers.sum())),
        "pitch_octaves": float(np.log2(np.median(pitches))) if len(pitches) else math.nan,
        "noise_db": 10 * float(np.log10(powers).mean() - np.log10(powers.mean())),
    }


def word(changes: list[dict[str, float]]) -> str:
    """The word for the change that is heard most plainly: its mean over the places, by what is plainly heard."""
    means = {}
    for name, (_, _, plain) in CHANGES.items():
        values = [change[name] for change in changes if math.isfinite(change[name])]
        if len(values) > len(changes) / 2:
            means[name] = float(np.mean(values)) / plain
    strongest = max(means, key=lambda name: abs(means[name]))
    more, less, _ = CHANGES[strongest]
    if abs(means[strongest]) < 1:
        return MIXED
    return more if means[strongest] > 0 else less
