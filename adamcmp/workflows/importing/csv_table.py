"""Read a CSV file of another program, in any of the common dialects."""

from __future__ import annotations

import csv
import hashlib
import io
import re
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adamcmp.errors import ConfigError
from adamcmp.platform.csv_text import decode, detect_separator

#: Cells, in lower case, that denote a missing value.
_MISSING = {"", "na", "n/a", "null", "none"}
_BOOLEANS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
#: Parquet's int64 cannot hold integers of this size.
_INTEGER_LIMIT = 2**63
_EXPECTED = {float: "a number", int: "a whole number (below 2^63)", bool: "true or false"}


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
    columns: Mapping[str, Sequence[str]]
    rows: Sequence[int]

    def values(self, column: str, value_type: Any, label: str) -> list[Any]:
        """Return a column's values; None for empty cells.

        Args:
            column: The column's name in the header.
            value_type: The type of its values, as in `adamcmp.storage.columns`.
            label: The column's name in error messages.

        Raises:
            ConfigError: If a cell is not of the type; the message names its row.
        """
        # Most columns repeat a few values, so each distinct cell is parsed once.
        parsed: dict[str, Any] = {}
        values = []
        for index, cell in enumerate(self.columns[column]):
            if cell not in parsed:
                try:
                    parsed[cell] = parse_cell(cell, value_type, self.separator == ";")
                except ValueError as error:
                    problem = f"{label} should be {error}, not {cell!r}"
                    raise self.row_error(index, problem) from None
            values.append(parsed[cell])
        return values

    def row_error(self, index: int, problem: str) -> ConfigError:
        """Return an error that names the file and the row of a cell."""
        return ConfigError(f"{self.path}, row {self.rows[index]}: {problem}.")


def parse_cell(text: str, value_type: Any, decimal_comma: bool = False) -> Any:
    """Return the value of a cell; None for an empty one.

    Args:
        text: The cell.
        value_type: str, int, float, bool, or list[...] of one of them.
        decimal_comma: Whether ``0,5`` means 0.5, as in files separated by semicolons.

    Raises:
        ValueError: With a description of what is expected, such as "a number".

    >>> parse_cell("0,5", float, decimal_comma=True)
    0.5
    >>> parse_cell("[0.9, 0.999]", list[float])
    [0.9, 0.999]
    """
    text = text.strip()
    if text.lower() in _MISSING:
        return None
    if typing.get_origin(value_type) is list:
        items = [item for item in re.split(r"[,\s]+", text.strip("[]()")) if item]
        return [parse_cell(item, typing.get_args(value_type)[0]) for item in items]
    if value_type is str:
        return text
    if value_type is bool and text.lower() in _BOOLEANS:
        return _BOOLEANS[text.lower()]
    try:
        number = float(text.replace(",", ".") if decimal_comma else text)
        if value_type is float:
            return number
        if value_type is int and number.is_integer() and abs(number) < _INTEGER_LIMIT:
            # float() would round integers above 2^53.
            return int(text) if text.lstrip("+-").isdigit() else int(number)
    except ValueError:
        pass
    raise ValueError(_EXPECTED[value_type])


def read_csv_table(path: Path) -> CsvTable:
    """Read a CSV file.

    Byte-order marks, UTF-16, quoted cells, and ``,`` ``;`` tab or ``|`` between columns are
    recognized.

    Raises:
        ConfigError: If the file cannot be read, has no rows, or is not a table.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"Cannot read {path}: {error.strerror or error}.") from None
    text = _decode(content, path)
    separator = detect_separator(text)
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        header = [name.strip() for name in next(lines, [])]
        rows = [(number, line) for number, line in enumerate(lines, 2) if any(map(str.strip, line))]
    except csv.Error as error:
        raise ConfigError(
            f"{path}, near line {lines.line_num}: is not a CSV table ({error})."
        ) from None
    _check_shape(path, header, rows)
    cells = zip(*(line for _, line in rows), strict=True)
    # A column without a name is an index that pandas wrote.
    columns = {name: column for name, column in zip(header, cells, strict=True) if name}
    digest = hashlib.sha256(content).hexdigest()
    return CsvTable(path, digest, separator, columns, [number for number, _ in rows])


def _decode(content: bytes, path: Path) -> str:
    try:
        return decode(content)
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not UTF-8 text ({error.reason}). Save it as UTF-8.") from None


def _check_shape(path: Path, header: list[str], rows: list[tuple[int, list[str]]]) -> None:
    """Reject an empty file, a repeated column, and rows of another length than the header."""
    if not any(header):
        raise ConfigError(f"{path} is empty: it should have a header line and a row for each run.")
    if not rows:
        raise ConfigError(f"{path} has a header but no rows.")
    repeated = sorted({name for name in header if name and header.count(name) > 1})
    if repeated:
        raise ConfigError(f"{path}: column {repeated[0]!r} appears twice. Rename one of them.")
    for number, line in rows:
        if len(line) != len(header):
            raise ConfigError(
                f"{path}, row {number}: has {len(line)} values, but the header has {len(header)} "
                f"columns."
            )
