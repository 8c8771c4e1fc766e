"""The base of datasets of users: split off a test set, number the classes, look for leaks."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from adamcmp.components.data import Data, Floats, ProblemType, Split
from adamcmp.components.datasets._base import Dataset
from adamcmp.components.datasets._leaks import leak_notices
from adamcmp.components.datasets._splits import hold_out
from adamcmp.errors import DataError
from adamcmp.platform.random_streams import stream_seed


class UserData(Dataset):
    """A dataset of the user.

    Attributes:
        task: ``classification`` or ``regression``.
        test_share: Fraction of the examples that become the test set (drawn with split_seed) if
            the data has no test set.
        stratify: Draw the test set, the validation split and the subset from each class in
            proportion to its size. At least one example of each class is kept for training.
    """

    task: ProblemType = "classification"
    test_share: Annotated[float, Field(gt=0, lt=1)] = 0.2
    stratify: bool = False
    standardize: bool = True

    neutral: ClassVar[Mapping[str, Any]] = {**Dataset.neutral, "stratify": False}
    has_digest: ClassVar[bool] = True

    @model_validator(mode="after")
    def _stratify_classes(self) -> UserData:
        if self.stratify and self.task == "regression":
            raise ValueError("stratify=true is for classification; leave it out for regression")
        return self

    @property
    def problem_type(self) -> ProblemType:
        """See `Dataset.problem_type`."""
        return self.task

    @abstractmethod
    def examples(self) -> tuple[Split, Split | None]:
        """Return training examples and, if the data has one, the test set.

        Targets are as the user has them: classes may be numbers or text.

        Raises:
            DataError: If the data is missing or unusable.
        """

    def feature_names(self, count: int) -> Sequence[str]:
        """Return what notices call each of the `count` features of an example."""
        return [f"feature {number}" for number in range(count)]

    def read(self) -> tuple[Split, Split]:
        """See `Dataset.read`."""
        train, test = self.examples()
        if test is None:
            if len(train) < 2:
                raise self.error(f"holds {len(train)} examples; at least 2 are needed.")
            # Independent of data_seed, so that all runs are measured on the same test set.
            rng = np.random.default_rng(stream_seed(self.split_seed, "test"))
            order = self.random_order(train.y, rng)
            train, test = hold_out(train, self.test_share, order)
            advice = "Set dataset.stratify=true to keep an example of each class for training"
        else:
            advice = "Add training examples of the class"
        both = np.concatenate([train.y, test.y])
        cut = len(train)
        regression = self.task == "regression"
        numbers = self._reals(both) if regression else self._class_numbers(both, cut, advice)
        return Split(train.x, numbers[:cut]), Split(test.x, numbers[cut:])

    def random_order(self, y: NDArray[Any], rng: np.random.Generator) -> NDArray[np.int64]:
        """See `Dataset.random_order`; with `stratify`, a prefix has the classes in proportion."""
        order = super().random_order(y, rng)
        return order[_stratified(y[order])] if self.stratify else order

    def examine(self, data: Data) -> tuple[str, ...]:
        """See `Dataset.examine`."""
        notices = []
        if self.task == "classification" and (missing := _unlearnable(data)):
            notices.append(
                f"{missing} of {len(data.val)} validation examples are of classes without a "
                f"training example. dataset.stratify=true keeps an example of each for training."
            )
        if data.train.x.ndim == 2:
            notices += leak_notices(data, self.feature_names(data.train.x.shape[1]))
        return tuple(f"{self.label}: {notice}" for notice in notices)

    def error(self, problem: str) -> DataError:
        """Return the error for a problem of the data."""
        return DataError(f"{self.label}: {problem}")

    def _reals(self, y: NDArray[Any]) -> Floats:
        """Return real targets (N, outputs)."""
        if y.dtype.kind not in "iuf":
            raise self.error("regression needs numbers as targets.")
        return y.reshape(len(y), -1).astype(np.float64)

    def _class_numbers(self, y: NDArray[Any], cut: int, advice: str) -> NDArray[np.int64]:
        """Return the number of each example's class.

        Args:
            y: The classes of the training examples, then those of the test examples.
            cut: The number of training examples.
            advice: What to do if a class has no training example.
        """
        if y.dtype.kind == "f" and (y != np.round(y)).any():
            raise self.error(
                f"classes should be whole numbers or text, but {y[y != np.round(y)][0]:g} is among "
                f"them. For real targets use dataset.task=regression."
            )
        # Numbered together, so that a class has the same number in both sets.
        classes, numbers = np.unique(y, return_inverse=True)
        unseen = np.setdiff1d(numbers[cut:], numbers[:cut])
        if len(unseen):
            raise self.error(
                f"no training example is of class {str(classes[unseen[0]])!r}, but "
                f"{(numbers[cut:] == unseen[0]).sum()} test examples are. {advice}, or remove "
                f"the class."
            )
        return numbers.reshape(y.shape).astype(np.int64)


def _unlearnable(data: Data) -> int:
    """Return the number of validation examples whose class has no training example."""
    return int((~np.isin(data.val.y, data.train.y)).sum())


def _stratified(y: NDArray[Any]) -> NDArray[np.int64]:
    """Return an order in which each prefix has every class in proportion to its size.

    Example k of the n examples of a class is placed at (k + 1/2)/n of the whole order. The last one
    is placed at its end, so that a prefix never has all examples of a class.
    """
    _, numbers, sizes = np.unique(y, return_inverse=True, return_counts=True)
    place = np.empty(len(y))
    for number, size in enumerate(sizes):
        place[numbers == number] = np.append((np.arange(size - 1) + 0.5) / size, 1.0)
    return np.argsort(place, kind="stable")
