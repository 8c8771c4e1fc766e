"""The cells of a CSV file of another program, in any of the common dialects."""

from __future__ import annotations

import csv
import functools
import hashlib
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice
from pathlib import Path
from typing import Any, TextIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from adamcmp.errors import ConfigError, nearest
from adamcmp.platform.csv_text import detect_separator, encoding_of
from adamcmp.storage.arrow import arrow_type
from adamcmp.storage.filters import Condition, no_match
from adamcmp.workflows.importing.cells import parse_cell, parse_plain_numbers

#: Rows that are held as Python strings at a time, which need many times the memory of Arrow's.
_CHUNK = 20_000


@dataclass(frozen=True)
class CsvTable:
    """The cells of a CSV file, as text.

    Attributes:
        path: The file.
        sha256: Digest of its bytes.
        separator: The character between columns.
        columns: The cells of each column, by its name in the header. Columns without a name are
            left out.
        rows: The row number of each cell, as in a spreadsheet: the header is row 1.
    """

    path: Path
    sha256: str
    separator: str
    columns: Mapping[str, pa.ChunkedArray]
    rows: NDArray[np.int64]

    def values(
        self,
        column: str,
        value_type: Any,
        label: str,
        parse: Callable[[str, Any, bool], Any] = parse_cell,
    ) -> pa.Array:
        """Return a column's values, null for empty cells; texts are dictionary-encoded.

        Args:
            column: The column's name in the header.
            value_type: The type of its values, as in `adamcmp.storage.columns`.
            label: The column's name in error messages.
            parse: The function that reads a cell, with the signature of `parse_cell`.

        Raises:
            ConfigError: If a cell is not of the type; the message names its row.
        """
        decimal_comma = self.separator == ";"
        if value_type is float:
            numbers = parse_plain_numbers(self.columns[column], decimal_comma)
            if numbers is not None:
                return numbers
        cells = self.encoded(column)
        values = []  # of each distinct cell, since most columns repeat a few values
        for code, cell in enumerate(cells.dictionary.to_pylist()):
            try:
                values.append(parse(cell, value_type, decimal_comma))
            except ValueError as error:
                index = int(np.argmax(cells.indices.to_numpy() == code))
                raise self.row_error(index, f"{label} should be {error}, not {cell!r}") from None
        array = pa.array(values, arrow_type(value_type))
        return (array.dictionary_encode() if value_type is str else array).take(cells.indices)

    def encoded(self, column: str) -> pa.DictionaryArray:
        """Return a column's distinct cells, in order of appearance, and the index of each row's."""
        return self.columns[column].dictionary_encode().combine_chunks()

    def with_joined(self, names: Sequence[str]) -> CsvTable:
        """Return the table with a further column of the cells of several, such as ``3,0``.

        Its name consists of theirs, also separated by commas. A cell is empty if one of them is.
        """
        cells = [self.columns[name] for name in names]
        empty = (pc.equal(pc.utf8_trim_whitespace(column), "") for column in cells)
        is_empty = functools.reduce(pc.or_, empty)
        joined = pc.if_else(is_empty, "", pc.binary_join_element_wise(*cells, ","))
        return replace(self, columns={**self.columns, ",".join(names): joined})

    def is_numeric(self, column: str) -> bool:
        """Return whether a column has numbers, and nothing else but empty cells."""
        try:
            return bool(self.values(column, float, column).is_valid().true_count)
        except ConfigError:
            return False

    def where(self, conditions: Sequence[str], names: Mapping[str, str]) -> CsvTable:
        """Return the rows that meet all conditions; see `adamcmp.storage.filters`.

        Args:
            conditions: Conditions on the file's columns, such as ``"lr>0.01"``.
            names: Further names of columns.

        Raises:
            ConfigError: If a condition cannot be read, or no row meets all.
        """
        parsed = [Condition.parse(text) for text in conditions]
        columns = {each.column: self._column_of(each, names) for each in parsed}
        values = {name: self._distinct_values(column) for name, column in columns.items()}
        met = np.ones(len(self.rows), bool)
        for condition in parsed:
            name = condition.column
            meets = np.array([condition.is_met({name: value}) for value in values[name]], bool)
            met &= meets[self.encoded(columns[name]).indices.to_numpy()]
        if not met.any():
            raise ConfigError(no_match(conditions, values, f"row of {self.path}"))
        kept = {name: cells.filter(pa.array(met)) for name, cells in self.columns.items()}
        return replace(self, columns=kept, rows=self.rows[met])

    def _column_of(self, condition: Condition, names: Mapping[str, str]) -> str:
        column = names.get(condition.column, condition.column)
        if column not in self.columns:
            raise ConfigError(
                f"--where {condition.text}: {self.path} has no column {column!r}."
                f"{nearest(column, self.columns)} It has: {', '.join(self.columns)}."
            )
        return column

    def _distinct_values(self, column: str) -> list[Any]:
        """Return the values of a column's distinct cells: numbers if all of them are."""
        value_type = float if self.is_numeric(column) else str
        cells = self.encoded(column).dictionary.to_pylist()
        return [parse_cell(cell, value_type, self.separator == ";") for cell in cells]

    def row_error(self, index: int, problem: str) -> ConfigError:
        """Return an error that names the file and the row of a cell."""
        return ConfigError(f"{self.path}, row {self.rows[index]}: {problem}.")


def read_csv_table(path: Path) -> CsvTable:
    """Read a CSV file.

    Byte-order marks, UTF-16, quoted cells, and ``,`` ``;`` tab or ``|`` between columns are
    recognized.

    Raises:
        ConfigError: If the file cannot be read, has no rows, or is not a table.
    """
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            file.seek(0)
            encoding = encoding_of(file.read(2))
            file.seek(0)
            text = io.TextIOWrapper(file, encoding, newline="")
            return _read_table(path, digest, text)
    except OSError as error:
        raise ConfigError(f"Cannot read {path}: {error.strerror or error}.") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not UTF-8 text ({error.reason}). Save it as UTF-8.") from None


def _read_table(path: Path, digest: str, text: TextIO) -> CsvTable:
    first_line = text.readline()
    separator = detect_separator(first_line)
    lines = csv.reader(chain([first_line], text), delimiter=separator, strict=True)
    try:
        header = [name.strip() for name in next(lines, [])]
        _check_header(path, header)
        numbered = ((n, line) for n, line in enumerate(lines, 2) if any(map(str.strip, line)))
        chunks = list(_chunks(path, numbered, len(header)))
    except csv.Error as error:
        raise ConfigError(
            f"{path}, near line {lines.line_num}: is not a CSV table ({error})."
        ) from None
    if not chunks:
        raise ConfigError(f"{path} has a header but no rows.")
    rows, *cells = zip(*chunks, strict=True)
    columns = {
        # A column without a name is an index that pandas wrote.
        name: pa.chunked_array(column)
        for name, column in zip(header, cells, strict=True)
        if name
    }
    return CsvTable(path, digest, separator, columns, np.concatenate(rows))


def _chunks(
    path: Path, numbered: Iterator[tuple[int, list[str]]], width: int
) -> Iterator[list[Any]]:
    """Yield the row numbers and the columns of `_CHUNK` rows at a time.

    Raises:
        ConfigError: If the length of a row is not `width`.
    """
    while chunk := list(islice(numbered, _CHUNK)):
        for number, line in chunk:
            if len(line) != width:
                raise ConfigError(
                    f"{path}, row {number}: has {len(line)} values, but the header has {width} "
                    f"columns."
                )
        columns = zip(*(line for _, line in chunk), strict=True)
        numbers = np.array([number for number, _ in chunk])
        yield [numbers, *(pa.array(cells, pa.string()) for cells in columns)]


def _check_header(path: Path, header: Sequence[str]) -> None:
    """Reject an empty file, and a column that appears twice."""
    if not any(header):
        raise ConfigError(f"{path} is empty: it should have a header line and a row for each run.")
    repeated = sorted({name for name in header if name and header.count(name) > 1})
    if repeated:
        raise ConfigError(f"{path}: column {repeated[0]!r} appears twice. Rename one of them.")
