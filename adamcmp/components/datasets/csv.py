"""Datasets in CSV files of users."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np
from pydantic import Field

from adamcmp.components.data import Split
from adamcmp.components.datasets._user_file import UserFile
from adamcmp.errors import DataError, nearest

if TYPE_CHECKING:
    import pandas as pd


class CSV(UserFile):
    """Rows of numbers with a header line; one column is the target.

    Attributes:
        target: Name of the target's column. Text values are class names.
        delimiter: Character between the columns.
    """

    target: str = Field(description="the target's column, like dataset.target=label")
    delimiter: str = Field(default=",", min_length=1, max_length=1)

    def read(self) -> tuple[Split, Split]:
        """See `Dataset.read`."""
        frame = self._frame()
        if self.target not in frame:
            raise DataError(
                f"dataset.target={self.target}: {self.path} has no such column."
                f"{nearest(self.target, frame.columns)} It has: {', '.join(frame.columns[:20])}."
            )
        if len(frame.columns) < 2:
            raise DataError(f"dataset.path={self.path}: there is no column besides the target.")
        features = frame.drop(columns=self.target)
        for name in features:
            self._check_numbers(features[name])
        self._check_filled(frame)
        y = frame[self.target]
        if self.task == "regression":
            self._check_numbers(y)
        values = y.to_numpy() if y.dtype.kind in "iufb" else y.to_numpy(dtype=str)
        return self.split_off_test_set(features.to_numpy(np.float64), self.targets(values))

    def _frame(self) -> pd.DataFrame:
        import pandas as pd

        try:
            # The header as text: pandas silently renames a duplicate column to "a.1".
            header = pd.read_csv(
                self.file(), sep=self.delimiter, header=None, nrows=1, dtype=str, encoding="utf-8"
            )
            with warnings.catch_warnings():
                # pandas truncates rows longer than the header with only a warning.
                warnings.simplefilter("error", pd.errors.ParserWarning)
                # index_col=False: otherwise the first values of rows that are too long become an
                # index.
                frame = pd.read_csv(
                    self.file(), sep=self.delimiter, index_col=False, encoding="utf-8-sig"
                )
        except UnicodeDecodeError as error:
            raise DataError(
                f"dataset.path={self.path}: is not UTF-8 text ({error}). Save it as UTF-8."
            ) from None
        except pd.errors.ParserWarning:
            raise DataError(
                f"dataset.path={self.path}: rows have more values than the header."
            ) from None
        except (pd.errors.EmptyDataError, pd.errors.ParserError) as error:
            raise DataError(f"dataset.path={self.path}: is not a table ({error}).") from None
        names = list(header.iloc[0])
        duplicates = sorted({str(name) for name in names if names.count(name) > 1})
        if duplicates:
            raise DataError(
                f"dataset.path={self.path}: column {duplicates[0]!r} appears twice. Rename one "
                f"of them."
            )
        if frame.empty:
            raise DataError(f"dataset.path={self.path}: has a header but no rows.")
        return frame

    def _check_numbers(self, column: pd.Series) -> None:
        import pandas as pd

        if column.dtype.kind in "iufb":
            return
        text = pd.to_numeric(column, errors="coerce").isna() & column.notna()
        row = int(text.to_numpy().argmax())
        raise DataError(
            f"dataset.path={self.path}: column {column.name!r} should hold numbers, but row "
            f"{row + 1} holds {str(column.iloc[row])!r}."
        )

    def _check_filled(self, frame: pd.DataFrame) -> None:
        missing = frame.isna()
        if not missing.to_numpy().any():
            return
        name = missing.columns[missing.any()][0]
        row = int(missing[name].to_numpy().argmax())
        raise DataError(
            f"dataset.path={self.path}: column {name!r} has no value in row {row + 1} "
            f"({int(missing.to_numpy().sum())} values are missing in total)."
        )
