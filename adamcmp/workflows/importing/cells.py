"""Parse the cells of CSV files."""

from __future__ import annotations

import hashlib
import re
import typing
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from adamcmp.storage.filters import parse_number

#: Cells, in lower case, that denote a missing value.
_MISSING = {"", "na", "n/a", "null", "none"}
_BOOLEANS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
#: Parquet's int64 cannot hold integers of this size.
_INTEGER_LIMIT = 2**63
_EXPECTED = {float: "a number", int: "a whole number (below 2^63)", bool: "true or false"}


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
        number = parse_number(text.replace(",", ".") if decimal_comma else text)
        if value_type is float:
            return number
        if value_type is int and number.is_integer() and abs(number) < _INTEGER_LIMIT:
            # float() would round integers above 2^53.
            return int(text) if text.lstrip("+-").isdigit() else int(number)
    except ValueError:
        pass
    raise ValueError(_EXPECTED[value_type])


def parse_seed(text: str, value_type: Any = int, decimal_comma: bool = False) -> Any:
    """Return the seed of a cell; that of a text is the first 48 bits of its SHA-256.

    So a text such as ``run-3`` has the same number in every file.

    >>> parse_seed("3"), parse_seed("run-3")
    (3, 22476602573383)

    Raises:
        ValueError: If the cell is a number, but not a whole one.
    """
    value = parse_cell(text, str)
    try:
        parse_number(value or "0")
    except ValueError:
        return int(hashlib.sha256(value.encode()).hexdigest()[:12], 16)
    return parse_cell(text, value_type, decimal_comma)


def parse_plain_numbers(cells: pa.ChunkedArray, decimal_comma: bool) -> pa.DoubleArray | None:
    """Return the numbers of all cells at once; None if `parse_cell` must read one of them.

    It reads what Arrow does: `parse_cell` reads further forms, and raises an error for the others.
    """
    texts = pc.utf8_trim_whitespace(cells)
    is_missing = pc.is_in(pc.utf8_lower(texts), pa.array(sorted(_MISSING)))
    texts = pc.if_else(is_missing, None, texts)
    texts = pc.replace_substring(texts, ",", ".") if decimal_comma else texts
    try:
        return pc.cast(texts, pa.float64()).combine_chunks()
    except pa.ArrowInvalid:
        return None
