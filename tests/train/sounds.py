"""Generated sounds and a small recipe for tests of training."""

import numpy as np
import soundfile

from rtrave.train.batches import draw_batch

RATE = 44100
RECIPE = """
architecture = "v2"
capacity = 4
latent_size = 4
attenuation_db = 40
batch = 4
samples = 8192
settle_samples = 2048
windows = [2048, 512, 128]
windows_per_step = 3
learning_rate = 3e-3
last_learning_rate = 1e-3
"""


def tones(seconds=4.0, seed=0, rate=RATE):
    """Decaying notes with five partials, of random pitches, float64 [T]."""
    generator = np.random.default_rng(seed)
    time = np.arange(int(rate * 0.5)) / rate
    notes = []
    for _ in range(round(seconds / 0.5)):
        hertz = 220 * 2 ** (generator.integers(0, 12) / 12)
        note = sum(np.sin(2 * np.pi * hertz * k * time) / k for k in range(1, 6))
        notes.append(0.2 * note * np.minimum(1, 20 * (0.5 - time)))
    return np.concatenate(notes)


def sound_folder(folder, files=2, seconds=4.0):
    """Write files of tones to a new folder, and return it."""
    folder.mkdir()
    for index in range(files):
        soundfile.write(folder / f"{index}.wav", tones(seconds, index), RATE, "FLOAT")
    return folder


def recipe_file(folder, more=""):
    """Write the small recipe, followed by the lines `more`, to a file."""
    path = folder / "recipe.toml"
    path.write_text(RECIPE + more)
    return path


def advance(trainer, corpus, progress):
    """Advance a trainer by one step, with the crops of that step."""
    crops = draw_batch(corpus, trainer.recipe, trainer.seed, trainer.step)
    return trainer.advance(crops, progress)
