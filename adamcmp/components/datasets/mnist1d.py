"""MNIST-1D, generated locally."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Annotated, Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from adamcmp.components.data import Split
from adamcmp.components.datasets._base import Dataset
from adamcmp.platform.cache import cached_arrays
from adamcmp.platform.global_generators import restored_generators
from adamcmp.platform.provenance import package_version
from adamcmp.platform.random_streams import stream_seed

#: The authors' sample: its seed, examples of each class, and training examples.
_PUBLISHED_SEED, _PUBLISHED_PER_CLASS, _TRAIN_EXAMPLES = 42, 500, 4000
_CLASSES = 10


class MNIST1D(Dataset):
    """Greydanus & Kobak 2020 (arXiv 2011.14439): 4,000 + 1,000 rows of 40 numbers, 10 classes.

    The authors' generator with their seed reproduces the file they published. With this dataset,
    60 epochs and the authors' learning rate of Adam, 0.01, are the defaults. `data_seed` and
    `test_examples` use the same generator with other seeds. The scale of the inputs is always that
    of the published sample.

    Attributes:
        shuffled: Permute the 40 positions by one fixed permutation. It removes the spatial
            structure and keeps the information.
        test_examples: Number of test examples, at most a million, drawn with a seed of their own.
            Null: the 1,000 published ones.
    """

    shuffled: bool = False
    test_examples: Annotated[int, Field(ge=1, le=1_000_000)] | None = None

    is_generated: ClassVar[bool] = True
    neutral: ClassVar[Mapping[str, Any]] = {**Dataset.neutral, "test_examples": None}

    def read(self) -> tuple[Split, Split]:
        """See `Dataset.read`."""
        published = _sample(_PUBLISHED_SEED, _PUBLISHED_PER_CLASS)
        x = self._arranged(published["x"])
        mean, std = x.mean(), x.std()

        def scaled(sample: Mapping[str, NDArray[Any]], part: slice) -> Split:
            return Split((self._arranged(sample["x"])[part] - mean) / std, sample["y"][part])

        first, rest = slice(_TRAIN_EXAMPLES), slice(_TRAIN_EXAMPLES, None)
        train, test = scaled(published, first), scaled(published, rest)
        if self.data_seed is not None:
            seed = stream_seed(self.sampling_seed, "mnist1d")
            train = scaled(_sample(seed, _PUBLISHED_PER_CLASS), first)
        if self.test_examples is not None:
            sample = _sample(stream_seed(0, "mnist1d test"), -(-self.test_examples // _CLASSES))
            test = scaled(sample, slice(self.test_examples))
        return train, test

    def _arranged(self, x: NDArray[Any]) -> NDArray[Any]:
        """Return inputs with their positions in the order of this dataset."""
        order = _sample(_PUBLISHED_SEED, _PUBLISHED_PER_CLASS)["order"]
        return x[..., order] if self.shuffled else x


@lru_cache(maxsize=4)
def _sample(seed: int, per_class: int) -> dict[str, NDArray[Any]]:
    """Return a sample of the authors' generator, which takes a second for 4,000 examples.

    Returns:
        Inputs ``x`` (N, 40) before they are scaled, their classes ``y`` (N,), and a permutation of
        the 40 positions, ``order``.
    """
    # Another version of one of these packages may generate other numbers.
    versions = "-".join(package_version(name) for name in ("mnist1d", "numpy", "scipy"))
    name = f"mnist1d-{seed}-{per_class}-{versions}"
    return cached_arrays(name, lambda: _generate(seed, per_class))


def _generate(seed: int, per_class: int) -> dict[str, NDArray[Any]]:
    """Return a sample as `mnist1d.data.make_dataset` draws it, before it scales the inputs."""
    from mnist1d.data import get_dataset_args, get_templates
    from mnist1d.transform import transform

    arguments, templates = get_dataset_args(), get_templates()
    y = np.repeat(templates["y"], per_class).astype(np.int64)
    with restored_generators():  # the authors' functions draw from NumPy's
        np.random.seed(seed % 2**32)  # noqa: NPY002
        x = np.stack([transform(templates["x"][k], templates["t"], arguments)[0] for k in y])
        examples = np.random.permutation(len(y))  # noqa: NPY002
        positions = np.random.permutation(arguments.final_seq_length)  # noqa: NPY002
    return {"x": x[examples], "y": y[examples], "order": positions}
