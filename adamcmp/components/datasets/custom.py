"""Datasets defined in users' code."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, Field

from adamcmp.components.data import Data, Split
from adamcmp.components.datasets._named_arrays import examples_of
from adamcmp.components.datasets._user_data import UserData
from adamcmp.components.user_class import construct, import_object, source_digest
from adamcmp.errors import ConfigError
from adamcmp.platform.global_generators import seeded_generators
from adamcmp.platform.random_streams import stream_seed

_FORMS = (
    "should be a torch.utils.data.Dataset class, or a function that returns (x, y), "
    "(x, y, x_test, y_test), a dict with these names, a Dataset, or two Datasets"
)


class Custom(UserData):
    """A class or function of the user's code, by its dotted path.

    The working directory is searched too. A class is derived from torch.utils.data.Dataset; if its
    constructor has an argument ``train``, as in torchvision, it is called with true and with false,
    for the training and the test set. A function returns ``(x, y)``, ``(x, y, x_test, y_test)`` or
    a dict with these names, of arrays or tensors; or a Dataset; or a training and a test Dataset.
    Further arguments are set with ``+dataset.<argument>=<value>``.

    All examples are read into memory, in every process that trains, so they must be the same each
    time. The generators of Python, NumPy and torch are seeded with `split_seed`.

    With `data_seed`, a function or constructor with an argument of that name gets the number, to
    draw the training examples with it. The test set must not depend on it: a function returns a
    test set of its own, and a class is called with `data_seed` for the training set only.

    Attributes:
        target: Dotted path of the class or function.
    """

    model_config = ConfigDict(extra="allow")

    is_generated: ClassVar[bool] = True

    target: str = Field(description="the dotted path of your class or function, like mydata.make")

    @property
    def label(self) -> str:
        """See `Dataset.label`."""
        return f"dataset.target={self.target}"

    def imported_code(self) -> dict[str, str]:
        """See `Component.imported_code`."""
        return {"target": self.target}

    def identity(self) -> dict[str, Any]:
        """See `Component.identity`. The source of the user's module is part of it."""
        return {**super().identity(), **source_digest(self.target)}

    def examples(self) -> tuple[Split, Split | None]:
        """See `UserData.examples`."""
        with seeded_generators(stream_seed(self.split_seed, "custom")):
            train, test = examples_of(self, self._arrays(), "y")
        if test is None and self._data_seed_argument():
            raise self.error(
                "depends on data_seed, so it should return a test set that does not: "
                "(x, y, x_test, y_test)."
            )
        return train, test

    def examine(self, data: Data) -> tuple[str, ...]:
        """See `Dataset.examine`. Loads the data again, which must give the same examples.

        With another `data_seed`, the test examples must be the same too.
        """
        again = self.load()
        for name in ("train", "val", "test"):
            first, second = getattr(data, name), getattr(again, name)
            same_x, same_y = np.array_equal(first.x, second.x), np.array_equal(first.y, second.y)
            if not (same_x and same_y):
                raise self.error(
                    "returns different examples when it is called again. Use a fixed seed, and no "
                    "random transforms."
                )
        if self._data_seed_argument():
            other = self.model_copy(update={"data_seed": str(self.sampling_seed + 1)}).load()
            if other.set_ids["test"] != data.set_ids["test"]:
                raise self.error(
                    "returns other test examples for another data_seed. Draw the test set with a "
                    "fixed seed, so that all runs are measured on the same examples."
                )
        return super().examine(data)

    def _target(self) -> Any:
        return import_object(self.target, "dataset.target")

    def _data_seed_argument(self) -> dict[str, int]:
        """Return the argument data_seed for the training examples, if it is set and accepted."""
        accepted = self.data_seed is not None and callable(self._target())
        accepted = accepted and "data_seed" in inspect.signature(self._target()).parameters
        return {"data_seed": self.sampling_seed} if accepted else {}

    def _arrays(self) -> dict[str, NDArray[Any]]:
        """Return the user's arrays, under the names that `examples_of` knows."""
        from torch.utils.data import Dataset as TorchDataset

        target = self._target()
        arguments, data_seed = self.model_extra or {}, self._data_seed_argument()
        if inspect.isclass(target) and issubclass(target, TorchDataset):
            has_test_set = "train" in inspect.signature(target).parameters
            splits: list[dict[str, Any]] = [data_seed]
            if has_test_set:
                splits = [{"train": True, **data_seed}, {"train": False}]
            made: Any = tuple(construct(target, {**arguments, **s}, "dataset") for s in splits)
        elif callable(target) and not inspect.isclass(target):
            made = construct(target, {**arguments, **data_seed}, "dataset")
        else:
            raise ConfigError(f"{self.label}: {_FORMS}.")
        if isinstance(made, Mapping):
            return {str(name): self._array(array) for name, array in made.items()}
        parts = [part for pair in _as_tuple(made) for part in self._inputs_and_targets(pair)]
        if len(parts) not in (2, 4):
            raise ConfigError(f"{self.label}: {_FORMS}.")
        names = ("x", "y", "x_test", "y_test")[: len(parts)]
        return {name: self._array(part) for name, part in zip(names, parts, strict=True)}

    def _inputs_and_targets(self, part: Any) -> tuple[Any, ...]:
        """Return all inputs and all targets of a Dataset or pair; an array alone as it is."""
        from torch.utils.data import Dataset as TorchDataset

        if not isinstance(part, TorchDataset):
            return _as_tuple(part)
        try:
            items = [part[number] for number in range(len(part))]  # type: ignore[arg-type]
            inputs, targets = zip(*items, strict=True)
        except Exception as error:  # the user's class may raise anything
            reason = f"{type(error).__name__}: {error}"
            raise self.error(
                f"should have a length and items (input, target) ({reason})."
            ) from error
        return self._stack(inputs), self._stack(targets)

    def _stack(self, values: Sequence[Any]) -> NDArray[Any]:
        arrays = [self._array(value) for value in values]
        shapes = list(dict.fromkeys(array.shape for array in arrays))
        if len(shapes) > 1:
            raise self.error(f"items have shapes {shapes[0]} and {shapes[1]}; resize them.")
        return np.stack(arrays)

    def _array(self, value: Any) -> NDArray[Any]:
        import torch

        if isinstance(value, torch.Tensor):
            return value.detach().cpu().numpy()
        if isinstance(value, np.ndarray | np.generic | int | float | str | list):
            return np.asarray(value)
        raise self.error(
            f"holds {type(value).__name__}; it should hold arrays or tensors. For images use "
            f"transform=torchvision.transforms.ToTensor()."
        )


def _as_tuple(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)
