"""The crops of one step after another, each batch a function of the seed and the step's number."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from rtrave.train.augment import draw_crop
from rtrave.train.corpus import Corpus, open_corpus
from rtrave.train.recipe import Recipe

CROPS = 0  # what a step draws for; the rest: `rtrave.train.trainer`
AHEAD = 4  # batches that each worker has ready


def draw_batch(corpus: Corpus, recipe: Recipe, seed: int, step: int) -> Tensor:
    """A step's crops, float32 [B, C, T]."""
    generator = np.random.default_rng((seed, step, CROPS))
    crops = [draw_crop(corpus, generator, recipe.samples, recipe.augmentation) for _ in range(recipe.batch)]
    return torch.from_numpy(np.stack(crops))


class _Steps(Dataset[Tensor]):
    """A run's batches by the numbers of their steps."""

    def __init__(self, run: Path, recipe: Recipe, seed: int) -> None:
        self.run, self.recipe, self.seed = run, recipe, seed
        self.corpus: Corpus | None = None  # opened where it is read: sent to a worker, the array would be copied

    def __getitem__(self, step: int) -> Tensor:
        self.corpus = self.corpus or open_corpus(self.run)
        return draw_batch(self.corpus, self.recipe, self.seed, step)


def batches(run: Path, recipe: Recipe, seed: int, first: int, workers: int = 0) -> Iterator[Tensor]:
    """The crops [B, C, T] of the step `first` and of all after it, from the corpus that a run has gathered.

    With `workers` as many processes draw them ahead, for a device that is faster than the drawing; the batches are
    the same.
    """
    loader: DataLoader[Tensor] = DataLoader(
        _Steps(run, recipe, seed),
        batch_size=None,
        sampler=itertools.count(first),
        num_workers=workers,
        prefetch_factor=AHEAD if workers else None,
        pin_memory=workers > 0 and torch.cuda.is_available(),
    )
    return iter(loader)
