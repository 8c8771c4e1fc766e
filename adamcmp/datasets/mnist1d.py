"""MNIST-1D, generated locally."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import numpy as np

from adamcmp.datasets._base import Dataset
from adamcmp.types import Split


class MNIST1D(Dataset):
    """Greydanus & Kobak 2020 (arXiv 2011.14439): 4,000 + 1,000 rows of 40 numbers, 10 classes.

    The authors' generator with their seed reproduces the file they published.

    Attributes:
        shuffled: Permute the 40 positions by one fixed permutation, which leaves the information
            and takes the spatial structure away.
    """

    shuffled: bool = False

    def read(self) -> tuple[Split, Split]:
        """See `Dataset.read`."""
        return _generated(self.shuffled)


@cache
def _generated(shuffled: bool) -> tuple[Split, Split]:
    """Run the authors' generator, which takes a second or two, once a process."""
    from mnist1d.data import get_dataset_args, make_dataset

    arguments = get_dataset_args()
    arguments.shuffle_seq = shuffled
    with _global_seeds_restored():
        data = make_dataset(arguments)
    return (
        Split(data["x"].astype(np.float64), data["y"].astype(np.int64)),
        Split(data["x_test"].astype(np.float64), data["y_test"].astype(np.int64)),
    )


@contextmanager
def _global_seeds_restored() -> Iterator[None]:
    """The authors' generator seeds Python's and numpy's global generators: put them back."""
    state, numpy_state = random.getstate(), np.random.get_state()  # noqa: NPY002
    try:
        yield
    finally:
        random.setstate(state)
        np.random.set_state(numpy_state)  # noqa: NPY002
