"""Batches of training crops. Each batch is a function of the seed and of the index of its step."""

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

CROPS = 0  # purpose of a draw, part of its seed; the other purposes are in `rtrave.train.trainer`
PREFETCHED = 4  # batches that each worker holds ready


def draw_batch(corpus: Corpus, recipe: Recipe, seed: int, step: int) -> Tensor:
    """Draw the crops of a step, float32 [B, C, T]."""
    generator = np.random.default_rng((seed, step, CROPS))
    crops = [draw_crop(corpus, generator, recipe.samples, recipe.augmentation) for _ in range(recipe.batch)]
    return torch.from_numpy(np.stack(crops))


class _BatchesByStep(Dataset[Tensor]):
    """The batches of a run, indexed by step."""

    def __init__(self, run: Path, recipe: Recipe, seed: int) -> None:
        self.run, self.recipe, self.seed = run, recipe, seed
        self.corpus: Corpus | None = (
            None  # opened in the process that reads it: pickling it to a worker would copy the array
        )

    def __getitem__(self, step: int) -> Tensor:
        self.corpus = self.corpus or open_corpus(self.run)
        return draw_batch(self.corpus, self.recipe, self.seed, step)


def batches(run: Path, recipe: Recipe, seed: int, first: int, workers: int = 0) -> Iterator[Tensor]:
    """Iterate over the batches [B, C, T] of step `first` and all later steps, drawn from the run's corpus.

    With `workers` above 0, that many processes draw batches ahead, for devices that train faster than one process
    draws. The batches do not depend on `workers`.
    """
    loader: DataLoader[Tensor] = DataLoader(
        _BatchesByStep(run, recipe, seed),
        batch_size=None,
        sampler=itertools.count(first),
        num_workers=workers,
        prefetch_factor=PREFETCHED if workers else None,
        pin_memory=workers > 0 and torch.cuda.is_available(),
    )
    return iter(loader)
