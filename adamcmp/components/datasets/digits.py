"""scikit-learn's handwritten digits."""

import numpy as np

from adamcmp.components.data import Split
from adamcmp.components.datasets._base import ImageDataset
from adamcmp.components.datasets._splits import shuffled_split


class Digits(ImageDataset):
    """1,797 images of 8×8 (UCI's test set of Alpaydin & Kaynak 1998), 10 classes.

    It has no official test set: a fixed random fifth is the test set.
    """

    def read(self) -> tuple[Split, Split]:
        """See `Dataset.read`."""
        from sklearn.datasets import load_digits

        x, y = load_digits(return_X_y=True)
        images = (x / 16).reshape(-1, 1, 8, 8).astype(np.float32)
        # Independent of split_seed, so that reported results stay comparable.
        return shuffled_split(images, y.astype(np.int64), 0.2, np.random.default_rng(0))
