"""Exercise 3, notebook 2: a loader that turns a dataset into batches."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np


def combine_samples(samples: list[dict[str, Any]]) -> dict[str, np.ndarray]:
    """One batch, made of several samples: a dict with the samples' keys and an array for each key.

    Each array has one axis more than what stands under its key in a sample, at the front: n images of shape
    (height, width, 3) become one array of shape (n, height, width, 3), and n labels (each an int) become one
    array of shape (n,). The order of the samples and the dtype of the arrays stay.

    Args:
        samples: list of at least one dict. All have the same keys, and what stands under one key has the
            same shape in all of them. The keys are "image" and "label" in this exercise; your code should
            work for any keys.
    """
    # YOUR CODE HERE
    raise NotImplementedError()


class DataLoader:
    """A loader that hands out the samples of a dataset in batches, once per loop over it.

    Args:
        dataset: anything with `len(dataset)` and `dataset[index]` that returns a sample, a dict.
        batch_size: int, the number of samples in a batch.
        shuffle: False hands out the samples in the dataset's order. True draws a new order for every epoch.
        drop_last: what happens to the samples that are left when the batches do not come out even. False
            hands them out as a last, smaller batch; True leaves them out.
        seed: int. Two loaders with the same seed draw the same orders: the same in their first epochs, the
            same in their second, and so on. None gives an order that nobody can foresee.

    Attributes: the arguments under their own names, and
        rng: a numpy random generator that starts from `seed`. Draw all random orders from it.
    """

    def __init__(
        self,
        dataset: Any,
        batch_size: int = 1,
        shuffle: bool = False,
        drop_last: bool = False,
        seed: int | None = None,
    ) -> None:
        self.dataset = dataset
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.drop_last = drop_last
        self.seed = seed
        self.rng = np.random.default_rng(seed)

    def __len__(self) -> int:
        """The number of batches in one epoch, an int; found without reading a single sample.

        With N samples and batches of size B this is N / B, rounded up if a last, smaller batch is kept, and
        rounded down if it is dropped: 7 samples in batches of 3 are 3 batches or 2.
        """
        # YOUR CODE HERE
        raise NotImplementedError()

    def __iter__(self) -> Iterator[dict[str, np.ndarray]]:
        """A generator of the batches of one epoch; each batch comes from `combine_samples`.

        Every loop over the loader calls this method once and is one epoch: it starts with the first batch
        again, takes every sample at most once, and reads the samples of a batch (`self.dataset[i]`) only when
        that batch is asked for.

        Steps:
            1. Decide on the order of the indices 0 ... N-1. With `self.shuffle` it is a new random order in
               each epoch, over the whole dataset, drawn from `self.rng`.
            2. Cut the order into pieces of `self.batch_size`. Mind the last piece and `self.drop_last`.
            3. For each piece get its samples, combine them and `yield` the batch.
        """
        # YOUR CODE HERE
        raise NotImplementedError()
