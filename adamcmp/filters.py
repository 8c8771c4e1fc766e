"""Conditions on columns, as people type them: ``lr=0.001 'test_error<0.4' optimizer!=sgd``."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from adamcmp.errors import ConfigError, nearest

_CONDITION = re.compile(r"([\w.]+)\s*(!=|<=|>=|=|<|>)\s*(.*)")
_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def is_filter(word: str) -> bool:
    """Return whether a word is a condition rather than a name."""
    return _CONDITION.fullmatch(word) is not None


def columns_of(conditions: Sequence[str]) -> list[str]:
    """Return the columns that conditions are about.

    Raises:
        ConfigError: For a word that is no condition.
    """
    return [_split(condition)[0] for condition in conditions]


def parse_filters(
    conditions: Sequence[str], columns: Sequence[str]
) -> Callable[[Mapping[Any, Any]], bool]:
    """Return the function that tells whether a row meets all `conditions`.

    Numbers are compared as numbers; a value that is missing meets no condition.

    Raises:
        ConfigError: For a word that is no condition, or a column that does not exist.
    """
    checks = [_check(condition, columns) for condition in conditions]
    return lambda row: all(check(row) for check in checks)


def _number(condition: str, wanted: str) -> float:
    try:
        return float(wanted)
    except ValueError:
        raise ConfigError(
            f"Cannot read the filter {condition!r}: {wanted!r} is no number."
        ) from None


def _split(condition: str) -> tuple[str, str, str]:
    match = _CONDITION.fullmatch(condition)
    if not match:
        raise ConfigError(
            f"Cannot read the filter {condition!r}: write COLUMN=VALUE (or != < <= > >=, quoted)."
        )
    return match[1], match[2], match[3]


def _check(condition: str, columns: Sequence[str]) -> Callable[[Mapping[Any, Any]], bool]:
    column, sign, wanted = _split(condition)
    if column not in columns:
        raise ConfigError(f"There is no column {column!r}.{nearest(column, columns)}")
    compare = _OPERATORS[sign]

    def check(row: Mapping[Any, Any]) -> bool:
        value = row[column]
        if isinstance(value, Iterable) and not isinstance(value, str):
            listed = ",".join(f"{v:g}" if isinstance(v, float) else str(v) for v in value)
            return bool(compare(f"[{listed}]", wanted.replace(" ", "")))
        if value is None or type(value).__name__ == "NAType" or value != value:  # pandas' NA, NaN
            return False
        if isinstance(value, bool | str) or type(value).__name__ == "bool":  # numpy's too
            return bool(compare(str(value).lower(), wanted.lower()))
        return bool(compare(value, _number(condition, wanted)))

    return check
