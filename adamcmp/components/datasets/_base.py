"""The base of all datasets: read, split, add label noise, standardize."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator, model_validator

from adamcmp.components.data import Data, Floats, ProblemType, Shape, Split
from adamcmp.components.registry import Component
from adamcmp.errors import ConfigError, DataError
from adamcmp.platform.random_streams import stream_seed

#: Values of a feature that differ by at most this many units of rounding count as equal.
_ROUNDING = 8

NonNegativeInt = Annotated[int, Field(ge=0)]


class Augmentation(NamedTuple):
    """Random augmentation of training images.

    Attributes:
        flip: Whether to mirror each image left to right with probability 1/2.
        crop: Pixels by which to pad each image before cropping it to its size at random.
    """

    flip: bool = False
    crop: int = 0


class Dataset(Component):
    """Examples for training, validation and test.

    The validation split, the subset and the label noise are random. By default they depend only on
    `split_seed`: all runs of a study use the same data. With `data_seed` they and generated
    training examples can vary between runs. The test set is the same for all runs in any case.

    Attributes:
        name: Name of the module that defines the dataset.
        validation: Fraction of the training examples held out for validation. 0 trains on all.
        split_seed: Seed of the validation split, the subset and the label noise.
        data_seed: Replaces `split_seed`, and is also the seed of generated training examples: a
            whole number, or ``seed`` for the seed of each run. With null, generated training
            examples are the same for all runs.
        subset: Use a random subset of this many training examples, including validation.
        label_noise: Classification: fraction of the training labels replaced by another class.
            Regression: standard deviation of the noise added to the training targets, in units of
            the standard deviation of the targets. Validation and test targets are unchanged.
        standardize: Subtract the training split's mean and divide by its standard deviation,
            per channel for images, per feature for rows.
    """

    name: str
    validation: Annotated[float, Field(ge=0, lt=1)] = 0.1
    split_seed: NonNegativeInt = 0
    data_seed: str | None = None
    subset: Annotated[int, Field(ge=1)] | None = None
    label_noise: Annotated[float, Field(ge=0)] = 0.0
    standardize: bool = False

    neutral: ClassVar[Mapping[str, Any]] = {"data_seed": None}
    #: Whether `data_seed` may draw new training examples, and not only another split.
    is_generated: ClassVar[bool] = False

    @field_validator("data_seed", mode="before")
    @classmethod
    def _number_or_seed(cls, value: Any) -> str | None:
        if value is None:
            return None
        if value == "seed":
            return "seed"
        if not re.fullmatch(r"\d+", str(value)):
            raise ValueError("should be a whole number, or seed for the seed of each run")
        return str(int(value))

    @model_validator(mode="after")
    def _one_seed_of_splits(self) -> Self:
        if self.data_seed is not None and self.split_seed:
            raise ValueError(
                f"data_seed={self.data_seed} replaces split_seed={self.split_seed}: set one of them"
            )
        return self

    def for_run(self, seed: int) -> Self:
        """Return the dataset of a run: with ``data_seed=seed``, that of the run's seed.

        Args:
            seed: The seed of the run.
        """
        if self.data_seed != "seed":
            return self
        return self.model_copy(update={"data_seed": str(seed)})

    @property
    def sampling_seed(self) -> int:
        """The seed of the validation split, the subset and the label noise.

        Raises:
            ValueError: If it depends on the run, see `for_run`.
        """
        return self.split_seed if self.data_seed is None else int(self.data_seed)

    @property
    def problem_type(self) -> ProblemType:
        """Whether targets are classes or real numbers."""
        return "classification"

    @property
    def augmentation(self) -> Augmentation:
        """The augmentation of training batches; none except for images."""
        return Augmentation()

    @property
    def label(self) -> str:
        """What error messages call the dataset."""
        return f"dataset {self.name}"

    def examine(self, data: Data) -> tuple[str, ...]:
        """Return what the user should know about the data that `load` returned.

        It is called before training, in one process, and may be slow.

        Raises:
            DataError: If the data cannot be used.
        """
        return ()

    @abstractmethod
    def read(self) -> tuple[Split, Split]:
        """Return all training examples and the official test set, unchanged.

        Raises:
            DataError: If a file is missing, corrupt or unusable.
        """

    def load(self) -> Data:
        """Return the dataset ready for training.

        Raises:
            DataError: See `read`; also if examples are missing, not finite, or all of one class.
            ConfigError: If the number of examples is too small for `subset` or `validation`.
        """
        train, test = self.read()
        for split, split_name in ((train, "training"), (test, "test")):
            self._check(split, split_name)
        shape = self._shape(train, test)
        train, val = self._split(train)
        # Not of standardized inputs: they depend on the training split.
        set_ids = {"val": val.digest(), "test": test.digest()}
        train = self._with_label_noise(train, shape)
        if not self.standardize:
            return Data(train, val, test, shape, np.zeros(1), set_ids)
        mean, std = _moments(train.x)
        train, val, test = (
            Split(((split.x - mean) / std).astype(split.x.dtype), split.y)
            for split in (train, val, test)
        )
        return Data(train, val, test, shape, np.ravel(-mean / std), set_ids)

    def _check(self, split: Split, split_name: str) -> None:
        """Raise a `DataError` if a split is empty, inconsistent or not finite."""
        if len(split) == 0:
            raise DataError(f"{self.label}: there are no {split_name} examples.")
        if len(split.x) != len(split.y) or not split.x[0].size:
            raise DataError(
                f"{self.label}: {len(split.x)} {split_name} inputs of {split.x[0].size} "
                f"numbers have {len(split.y)} targets."
            )
        for values, values_name in ((split.x, "inputs"), (split.y, "targets")):
            bad = ~np.isfinite(values.reshape(len(values), -1)).all(axis=1)
            if bad.any():
                raise DataError(
                    f"{self.label}: the {split_name} {values_name} of {bad.sum()} examples "
                    f"are NaN or infinite, first at example {int(bad.argmax())} (counted from 0)."
                )

    def _shape(self, train: Split, test: Split) -> Shape:
        """Return the shape of an example; check that test classes occur in training."""
        inputs = tuple(train.x.shape[1:])
        if self.problem_type == "regression":
            return Shape(inputs, train.y.shape[1], "regression")
        classes = np.unique(train.y)
        if len(classes) < 2:
            raise DataError(f"{self.label}: all training examples are of one class.")
        unseen = np.setdiff1d(test.y, classes)
        if len(unseen):
            raise DataError(
                f"{self.label}: no training example is of class {unseen[0]}, but "
                f"{(test.y == unseen[0]).sum()} test examples are."
            )
        return Shape(inputs, int(classes.max()) + 1, "classification")

    def _rng(self, stream: str) -> np.random.Generator:
        return np.random.default_rng(stream_seed(self.sampling_seed, stream))

    def random_order(self, y: NDArray[Any], rng: np.random.Generator) -> NDArray[np.int64]:
        """Return a random order of the examples, of which a prefix is held out.

        Args:
            y: The targets of the examples.
            rng: The random generator.
        """
        return rng.permutation(len(y))

    def _split(self, train: Split) -> tuple[Split, Split]:
        """Return (training, validation) examples of the subset."""
        order = self.random_order(train.y, self._rng("split"))
        if self.subset is not None:
            if self.subset > len(train):
                raise ConfigError(
                    f"dataset.subset={self.subset}: {self.name} has {len(train)} training examples."
                )
            # A prefix, so that a larger subset contains every smaller one.
            order = order[: self.subset]
        held_out = round(self.validation * len(order))
        if self.validation and not 0 < held_out < len(order):
            needed = int(0.5 / min(self.validation, 1 - self.validation)) + 1
            raise ConfigError(
                f"dataset.validation={self.validation:g} of {len(order)} training examples leaves "
                f"{held_out} for validation and {len(order) - held_out} for training. Use at least "
                f"{needed} examples, or dataset.validation=0 to train without validation."
            )
        return train.take(order[held_out:]), train.take(order[:held_out])

    def _with_label_noise(self, train: Split, shape: Shape) -> Split:
        if not self.label_noise:
            return train
        rng = self._rng("label_noise")
        if shape.problem_type == "regression":
            scale = self.label_noise * train.y.std(axis=0)
            return Split(train.x, train.y + scale * rng.standard_normal(train.y.shape))
        if self.label_noise > 1:
            raise ConfigError(
                f"dataset.label_noise={self.label_noise:g}: should be at most 1, a fraction of "
                f"the labels."
            )
        wrong = rng.permutation(len(train))[: round(self.label_noise * len(train))]
        y = train.y.copy()
        # An offset of 1 to outputs − 1 leads to each of the other classes equally often.
        y[wrong] = (y[wrong] + rng.integers(1, shape.outputs, len(wrong))) % shape.outputs
        return Split(train.x, y)


class ImageDataset(Dataset):
    """Images (C, H, W), with augmentation of training batches.

    Attributes:
        flip: Mirror each training image left to right with probability 1/2.
        crop: Pad each training image by this many black pixels, then crop it to its size at a
            random position.
    """

    standardize: bool = True
    flip: bool = False
    crop: NonNegativeInt = 0

    @property
    def augmentation(self) -> Augmentation:
        """See `Dataset.augmentation`."""
        return Augmentation(self.flip, self.crop)


def _moments(x: Floats) -> tuple[Floats, Floats]:
    """Return mean and standard deviation, per channel for images, per feature for rows."""
    axes = (0, 2, 3) if x.ndim == 4 else (0,)
    # Sums over millions of float32 values would lose digits.
    mean = x.mean(axis=axes, keepdims=True, dtype=np.float64)
    std = x.std(axis=axes, keepdims=True, dtype=np.float64)
    # A constant feature becomes 0. Its computed mean is rounded, so its computed standard
    # deviation need not be 0.
    low, high = x.min(axis=axes, keepdims=True), x.max(axis=axes, keepdims=True)
    constant = high - low <= _ROUNDING * np.finfo(x.dtype).eps * np.maximum(abs(low), abs(high))
    return np.where(constant, low, mean), np.where(constant, 1.0, std)
