"""Compare training steps per second with upstream's class: python speed.py PYTHON_WITH_UPSTREAM [--rounds N].

Both sides alternate on noise, in both phases, with equal capacity, latents, batch, length, published losses,
discriminator and threads. rtrave is also timed with bfloat16, and with the lean recipe at this size. Runs with rtrave's
.venv.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from rtrave.train.batches import draw_batch
from rtrave.train.corpus import Corpus, Sound
from rtrave.train.initial import new_model
from rtrave.train.recipe import Recipe, load_recipe
from rtrave.train.trainer import Trainer

CAPACITY, LATENTS, BATCH, SAMPLES, EVERY = 32, 16, 8, 32768, 2
STEPS = 2 * EVERY  # steps per round, with model and discriminator steps of phase 2 in their usual proportion
SIZES = {
    "capacity": CAPACITY, "discriminator_capacity": CAPACITY, "discriminator_every": EVERY, "latent_size": LATENTS,
    "batch": BATCH, "samples": SAMPLES, "phase_2": 0.5,
}  # fmt: skip
PROGRESS = {1: 0.2, 2: 0.9}  # progress of the run in each phase


def recipes() -> dict[str, Recipe]:
    """Return the recipes to time, by their name in the table."""
    published = replace(load_recipe("v2"), **SIZES)
    return {
        "published losses": published,
        "published losses, bfloat16": replace(published, bfloat16=True),
        "lean recipe, bfloat16": replace(load_recipe("lean"), **SIZES),
    }


def noise_corpus() -> Corpus:
    """Return half a minute of noise as a corpus."""
    x = np.random.default_rng(0).standard_normal((30 * 44100, 1)).astype(np.float32) / 8
    return Corpus(x, (Sound("noise", 0, len(x), 0),), 44100)


def seconds(trainer: Trainer, corpus: Corpus, phase: int) -> float:
    """Return the seconds that a round of rtrave takes."""
    before_s = time.perf_counter()
    for _ in range(STEPS):
        trainer.advance(draw_batch(corpus, trainer.recipe, trainer.seed, trainer.step), PROGRESS[phase])
    return time.perf_counter() - before_s


def main() -> None:
    """Time both sides in alternating rounds, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("python", type=Path, help="Python of the interoperability environment")
    parser.add_argument(
        "--rounds", type=int, default=5, help="rounds of each side in each phase, after a warm-up round"
    )
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    command = [options.python, "-W", "ignore", Path(__file__).with_name("reference_steps.py")]
    command += [CAPACITY, LATENTS, BATCH, SAMPLES, EVERY]
    environment = os.environ | {"OMP_NUM_THREADS": str(options.threads)}
    peer = subprocess.Popen(
        [str(word) for word in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    )
    assert peer.stdin and peer.stdout
    print(f"PyTorch: upstream {peer.stdout.readline().strip()}, rtrave {torch.__version__}; {options.threads} threads")
    corpus = noise_corpus()
    sides = {name: Trainer(new_model(r, "timed", 44100, 1, 0), r, 0) for name, r in recipes().items()}
    print("| phase | recipe | steps/s | RAVE's own, steps/s | ratio |\n| --- | --- | --- | --- | --- |")
    for phase in (1, 2):
        theirs: list[float] = []
        ours: dict[str, list[float]] = {name: [] for name in sides}
        for _ in range(options.rounds + 1):
            peer.stdin.write(f"{phase} {STEPS}\n")
            peer.stdin.flush()
            theirs.append(float(peer.stdout.readline()))
            for name, trainer in sides.items():
                ours[name].append(seconds(trainer, corpus, phase))
        reference = np.array(theirs[1:])
        for name, times in ours.items():
            ratio = np.median(reference / times[1:])
            rates = STEPS / np.median(times[1:]), STEPS / np.median(reference)
            print(f"| {phase} | {name} | {rates[0]:.2f} | {rates[1]:.2f} | **{ratio:.2f}** |", flush=True)
    peer.stdin.close()
    peer.wait()


if __name__ == "__main__":
    main()
