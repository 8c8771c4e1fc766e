"""Load datasets, with a cache of the most recent ones."""

from __future__ import annotations

import json
from functools import lru_cache

from adamcmp.components.data import Data
from adamcmp.components.datasets._base import Dataset
from adamcmp.errors import DataError


def load_cached(dataset: Dataset) -> Data:
    """Return a dataset ready for training; the two most recent ones are cached.

    The cache's key contains the dataset's identity, so that a changed file is read again.

    Raises:
        AdamcmpError: See `Dataset.load`; also if the examples do not fit into memory.
    """
    return _load(dataset, json.dumps(dataset.identity(), sort_keys=True))


@lru_cache(maxsize=2)
def _load(dataset: Dataset, identity: str) -> Data:
    try:
        return dataset.load()
    except MemoryError as error:
        raise DataError(f"{dataset.label} does not fit into memory: {error}.") from None
