"""The base of datasets in users' tables: columns of numbers, one of which is the target."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from adamcmp.components.data import Data, Split
from adamcmp.components.datasets._user_file import UserFile
from adamcmp.errors import nearest

if TYPE_CHECKING:
    import pandas as pd

#: Texts, in lower case, that usually stand for a missing value.
_MISSING_TEXTS = frozenset({"na", "n/a", "nan", "null", "none"})


class UserTable(UserFile):
    """Rows of numbers with named columns; one column is the target.

    Columns without a name are left out: they are an index that pandas wrote.

    Attributes:
        target: Name of the target's column. Text values are class names.
    """

    target: str = Field(description="the target's column, like dataset.target=label")

    @abstractmethod
    def header(self) -> list[str]:
        """Return the names of the columns of the file; "" for a column without a name."""

    @abstractmethod
    def frame(self) -> pd.DataFrame:
        """Return the columns of the file, with the names of `header`."""

    def examples(self) -> tuple[Split, None]:
        """See `UserData.examples`."""
        frame = self.frame()
        features = self._features(list(frame.columns))
        if frame.empty:
            raise self.error("has a header but no rows.")
        x = np.column_stack([self._numbers(frame[name]) for name in features])
        regression = self.task == "regression"
        y = self._numbers(frame[self.target]) if regression else self._classes(frame[self.target])
        return Split(x, y), None

    def feature_names(self, count: int) -> Sequence[str]:
        """See `UserData.feature_names`."""
        return [f"column {name!r}" for name in self._features(self.header())]

    def examine(self, data: Data) -> tuple[str, ...]:
        """See `Dataset.examine`."""
        nameless = self.header().count("")
        if not nameless:
            return super().examine(data)
        columns = (
            "a column without a name" if nameless == 1 else f"{nameless} columns without names"
        )
        left_out = f"{self.label}: leaves out {columns}, as an index. Name it to train on it."
        return (left_out, *super().examine(data))

    def _features(self, header: Sequence[str]) -> list[str]:
        """Return the names of the columns that are inputs."""
        names = [name for name in header if name]
        duplicates = sorted({name for name in names if names.count(name) > 1})
        if duplicates:
            raise self.error(f"column {duplicates[0]!r} appears twice. Rename one of them.")
        if self.target not in names:
            raise self.error(
                f"has no column {self.target!r}, which is dataset.target."
                f"{nearest(self.target, names)} It has: {', '.join(names[:20])}."
            )
        features = [name for name in names if name != self.target]
        if not features:
            raise self.error("there is no column besides the target.")
        return features

    def _numbers(self, column: pd.Series) -> NDArray[np.float64]:
        """Return a column of numbers.

        Raises:
            DataError: If a cell is empty or holds something else; the message names its row.
        """
        import pandas as pd

        self._check_filled(column)
        if column.dtype.kind in "mM":  # to_numeric would return nanoseconds
            raise self.error(f"column {column.name!r} should hold numbers, but holds times.")
        is_text = column.dtype.kind not in "iufb"
        numbers = pd.to_numeric(column, errors="coerce") if is_text else column
        wrong = numbers.isna().to_numpy()
        if wrong.any():
            row = int(wrong.argmax())
            raise self.error(
                f"column {column.name!r} should hold numbers, but row {row + 1} holds "
                f"{str(column.iloc[row])!r}. Write the column as numbers, or remove it."
            )
        return numbers.to_numpy(np.float64)

    def _classes(self, column: pd.Series) -> NDArray[Any]:
        """Return a column of classes, as numbers or text."""
        self._check_filled(column)
        if column.dtype.kind in "iufb":
            return column.to_numpy()
        texts = column.to_numpy(dtype=str)
        missing = [i for i, text in enumerate(texts) if text.strip().lower() in _MISSING_TEXTS]
        if missing:
            raise self.error(
                f"column {column.name!r} holds {str(texts[missing[0]])!r} in row "
                f"{missing[0] + 1}, which may stand for a missing value. Remove the row, or rename "
                f"the class in the file if it is one."
            )
        return texts

    def _check_filled(self, column: pd.Series) -> None:
        missing = column.isna().to_numpy()
        if missing.any():
            raise self.error(
                f"column {column.name!r} has no value in row {int(missing.argmax()) + 1} "
                f"({missing.sum()} values of the column are missing). Fill in or remove the rows."
            )


def without_index_names(names: Collection[object]) -> list[str]:
    """Return names of columns, with "" for those by which pandas names an index.

    >>> without_index_names(["Unnamed: 0", "__index_level_0__", " x "])
    ['', '', 'x']
    """
    texts = ("" if name is None else str(name).strip() for name in names)
    return [re.sub(r"Unnamed: \d+|__index_level_\d+__", "", text) for text in texts]
