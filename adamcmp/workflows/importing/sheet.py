"""A table of text that another program wrote: comma-separated values in their many dialects."""

from __future__ import annotations

import codecs
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

SEPARATORS = ",;\t|"
#: What programs write where there is no value.
_MISSING = {"", "na", "n/a", "null", "none"}
_BOOLS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
#: What parquet's whole numbers do not hold.
_TOO_LARGE = 2**63
_KINDS = {float: "a number", int: "a whole number (below 2^63)", bool: "true or false"}


@dataclass(frozen=True)
class Sheet:
    """A file's cells, as text.

    Attributes:
        path: The file.
        sha256: Of its bytes.
        separator: What separates its columns.
        columns: The cells of each column, by its name in the header.
        rows: The number of each row in a spreadsheet; the header is row 1.
    """

    path: Path
    sha256: str
    separator: str
    columns: Mapping[str, Sequence[str]]
    rows: Sequence[int]

    def values(self, column: str, kind: Any, meant: str) -> list[Any]:
        """Return a column's values, None where a cell is empty.

        Args:
            column: Its name in the header.
            kind: Their type, as the columns of `adamcmp.storage.columns` have it.
            meant: What the column is to be, for the error's text.

        Raises:
            ConfigError: For a cell that is not of the type; the text names its row.
        """
        known: dict[str, Any] = {}
        found = []
        for i, text in enumerate(self.columns[column]):
            if text not in known:
                try:
                    known[text] = value(text, kind, self.separator == ";")
                except ValueError as error:
                    raise self.wrong(i, f"{meant} should be {error}, not {text!r}") from None
            found.append(known[text])
        return found

    def wrong(self, index: int, what: str) -> ConfigError:
        """Return the error about the row at an index."""
        return ConfigError(f"{self.path}, row {self.rows[index]}: {what}.")


def value(text: str, kind: Any, decimal_comma: bool = False) -> Any:
    """Return a cell's value, None for an empty one.

    Args:
        text: The cell.
        kind: str, int, float, bool or a list of one of them, as in ``[0.9, 0.999]``.
        decimal_comma: Whether 0,5 is a half, as where semicolons separate the columns.

    Raises:
        ValueError: With what would be right, such as "a number".
    """
    text = text.strip()
    if text.lower() in _MISSING:
        return None
    if typing.get_origin(kind) is list:
        items = [item for item in re.split(r"[,\s]+", text.strip("[]()")) if item]
        return [value(item, typing.get_args(kind)[0]) for item in items]
    if kind is str:
        return text
    if kind is bool and text.lower() in _BOOLS:
        return _BOOLS[text.lower()]
    try:
        number = float(text.replace(",", ".") if decimal_comma else text)
        if kind is float:
            return number
        if kind is int and number.is_integer() and abs(number) < _TOO_LARGE:
            return int(text) if text.lstrip("+-").isdigit() else int(number)
    except ValueError:
        pass
    raise ValueError(_KINDS[kind])


def read_sheet(path: Path) -> Sheet:
    """Return a file's table.

    A byte-order mark, quoted separators and line ends, and ``,`` ``;`` tab or ``|`` between columns
    are understood.

    Raises:
        ConfigError: When it cannot be read, has no rows, or is no table.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"Cannot read {path}: {error.strerror or error}.") from None
    text = _decoded(content, path)
    first = text.partition("\n")[0]
    separator = max(SEPARATORS, key=first.count)
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        header = [name.strip() for name in next(lines, [])]
        numbered = [(i, line) for i, line in enumerate(lines, 2) if any(map(str.strip, line))]
    except csv.Error as error:
        raise ConfigError(f"{path}, near line {lines.line_num}: is no table ({error}).") from None
    if not any(header):
        raise ConfigError(f"{path} is empty: it should have a header line and a row for each run.")
    if not numbered:
        raise ConfigError(f"{path} has a header but no rows.")
    _check(path, header, numbered)
    cells = zip(*(line for _, line in numbered), strict=True)
    # A column without a name is a table's index, as pandas writes it.
    columns = {name: column for name, column in zip(header, cells, strict=True) if name}
    digest = hashlib.sha256(content).hexdigest()
    return Sheet(path, digest, separator, columns, [i for i, _ in numbered])


def _decoded(content: bytes, path: Path) -> str:
    utf16 = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))  # a spreadsheet's
    try:
        return content.decode("utf-16" if utf16 else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not UTF-8 text ({error.reason}).") from None


def _check(path: Path, header: list[str], numbered: list[tuple[int, list[str]]]) -> None:
    doubled = sorted({name for name in header if name and header.count(name) > 1})
    if doubled:
        raise ConfigError(f"{path}: column {doubled[0]!r} appears twice.")
    for i, line in numbered:
        if len(line) != len(header):
            raise ConfigError(
                f"{path}, row {i}: has {len(line)} values, but the header {len(header)} columns."
            )
