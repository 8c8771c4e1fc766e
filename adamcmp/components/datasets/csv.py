"""Datasets in CSV files of users."""

from __future__ import annotations

import csv
import io
import re
import warnings
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import BeforeValidator, Field

from adamcmp.components.datasets._user_table import UserTable, without_index_names
from adamcmp.platform.csv_text import decode, detect_separator

if TYPE_CHECKING:
    import pandas as pd

_DECIMAL_COMMA = re.compile(r"^(\s*[+-]?\d*),(\d+(?:[eE][+-]?\d+)?\s*)$")
#: Ways to write a tab, which is hard to type on a command line.
_TAB = {"tab": "\t", "\\t": "\t"}


class CSV(UserTable):
    """Rows of numbers with a header line; one column is the target.

    Files in UTF-8 and UTF-16 are read. In a file with ``;`` between the columns, ``0,5`` is 0.5.

    Attributes:
        delimiter: Character between the columns, or ``tab``. None detects ``,`` ``;`` tab or ``|``
            in the header line.
    """

    delimiter: Annotated[
        Annotated[str, Field(min_length=1, max_length=1)] | None,
        BeforeValidator(lambda value: _TAB.get(value, value)),
    ] = None

    # 1: columns without a name are left out, and constant columns become 0.
    revision: ClassVar[int] = 1

    def header(self) -> list[str]:
        """See `UserTable.header`."""
        return self._header(self._text())

    def frame(self) -> pd.DataFrame:
        """See `UserTable.frame`."""
        text = self._text()
        frame = self._parse(text).set_axis(self._header(text), axis="columns")
        if self._separator(text) == ";":
            frame = frame.replace(_DECIMAL_COMMA, r"\1.\2", regex=True)
        return frame

    def _parse(self, text: str) -> pd.DataFrame:
        import pandas as pd

        try:
            with warnings.catch_warnings():
                # pandas truncates rows longer than the header with only a warning.
                warnings.simplefilter("error", pd.errors.ParserWarning)
                return pd.read_csv(
                    io.StringIO(text),
                    sep=self._separator(text),
                    # Otherwise the first values of rows that are too long become an index.
                    index_col=False,
                    # Only empty cells are missing: "NA" may be a class.
                    keep_default_na=False,
                    na_values=[""],
                )
        except pd.errors.ParserWarning:
            raise self.error("rows have more values than the header.") from None
        except (pd.errors.EmptyDataError, pd.errors.ParserError) as error:
            raise self.error(f"is not a table ({error}).") from None

    def _header(self, text: str) -> list[str]:
        lines = io.StringIO(text, newline="")
        names = next(csv.reader(lines, delimiter=self._separator(text)), [])
        if self.delimiter and len(names) == 1 and detect_separator(names[0]) in names[0]:
            raise self.error(
                f"has no {self.delimiter!r}, which is dataset.delimiter, in its header line "
                f"{names[0]!r}. Leave dataset.delimiter out to detect it."
            )
        return without_index_names(names)

    def _text(self) -> str:
        try:
            return decode(self.file().read_bytes())
        except UnicodeDecodeError as error:
            raise self.error(f"is not UTF-8 text ({error}). Save it as UTF-8.") from None

    def _separator(self, text: str) -> str:
        return self.delimiter or detect_separator(text)
