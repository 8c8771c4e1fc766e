"""MNIST-1D, generated locally."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adamcmp.components.data import Split
from adamcmp.components.datasets._base import Dataset
from adamcmp.platform.cache import cached_arrays
from adamcmp.platform.global_generators import restored_generators
from adamcmp.platform.provenance import package_version


class MNIST1D(Dataset):
    """Greydanus & Kobak 2020 (arXiv 2011.14439): 4,000 + 1,000 rows of 40 numbers, 10 classes.

    The authors' generator with their seed reproduces the file they published. With this dataset,
    60 epochs and the authors' learning rate of Adam, 0.01, are the defaults.

    Attributes:
        shuffled: Permute the 40 positions by one fixed permutation. It removes the spatial
            structure and keeps the information.
    """

    shuffled: bool = False

    def read(self) -> tuple[Split, Split]:
        """See `Dataset.read`."""
        data = _cached(self.shuffled)
        return Split(data["x"], data["y"]), Split(data["x_test"], data["y_test"])


@cache
def _cached(shuffled: bool) -> dict[str, NDArray[Any]]:
    """Return the data; the authors' generator takes one or two seconds."""
    # Another version of one of these packages may generate other numbers.
    versions = "-".join(package_version(name) for name in ("mnist1d", "numpy", "scipy"))
    order = "shuffled" if shuffled else "plain"
    return cached_arrays(f"mnist1d-{order}-{versions}", lambda: _generate(shuffled))


def _generate(shuffled: bool) -> dict[str, NDArray[Any]]:
    from mnist1d.data import get_dataset_args, make_dataset

    arguments = get_dataset_args()
    arguments.shuffle_seq = shuffled
    with restored_generators():  # it seeds them
        data = make_dataset(arguments)
    return {
        "x": data["x"].astype(np.float64),
        "y": data["y"].astype(np.int64),
        "x_test": data["x_test"].astype(np.float64),
        "y_test": data["y_test"].astype(np.int64),
    }
