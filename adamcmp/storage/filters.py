"""Filters: conditions on columns, such as ``lr=0.001 'test_error<0.4' optimizer!=sgd``."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from adamcmp.errors import ConfigError, nearest

_CONDITION = re.compile(r"([\w.]+)\s*(!=|<=|>=|==?|<|>)\s*(.*)", re.DOTALL)
#: A comma before another condition.
_NEXT_CONDITION = re.compile(r",\s*(?=[\w.]+\s*(?:!=|[<>]=?|=))")
_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "=": operator.eq,
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
#: Number of distinct values of a column that a message lists.
_LISTED = 8


@dataclass(frozen=True)
class Condition:
    """A condition on one column, such as ``lr>=0.01``.

    Attributes:
        text: The condition as typed.
        column: The column.
        sign: The operator: one of = == != < <= > >=.
        operand: What the column's value is compared with.
    """

    text: str
    column: str
    sign: str
    operand: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the condition that a text holds.

        >>> Condition.parse("lr >= 0.01").column
        'lr'

        Raises:
            ConfigError: If the text is not one condition.
        """
        match = _CONDITION.fullmatch(text)
        if not match:
            raise ConfigError(
                f"Cannot read the filter {text!r}: write COLUMN=VALUE (or != < <= > >=, quoted)."
            )
        separate = _NEXT_CONDITION.split(text)
        if len(separate) > 1:
            raise ConfigError(
                f"{text}: give each condition separately, as in {' '.join(separate)} "
                f"(`compare` repeats --a and --b; Python takes a list)."
            )
        return cls(text, match[1], match[2], match[3])

    def is_met(self, row: Mapping[Any, Any]) -> bool:
        """Return whether a row meets the condition. A missing value meets none.

        Raises:
            ConfigError: If the column's value cannot be compared with the operand.
        """
        value = row[self.column]
        if _is_missing(value):
            return False
        compare = _OPERATORS[self.sign]
        if not _is_number(value):
            self._check_order(value)
            return bool(compare(_text(value).lower(), self._operand_text(value)))
        try:
            return bool(compare(value, parse_number(self.operand)))
        except ValueError:
            raise ConfigError(
                f"Cannot read the filter {self.text!r}: {self.operand!r} is not a number."
            ) from None

    def _operand_text(self, value: Any) -> str:
        is_list = not isinstance(value, str) and isinstance(value, Iterable)
        return (self.operand.replace(" ", "") if is_list else self.operand).lower()

    def _check_order(self, value: Any) -> None:
        if self.sign[0] in "<>" and not _is_time(value):
            raise ConfigError(
                f"{self.text}: {self.column} is not a number, such as {_text(value)}. "
                f"Compare it with = or !=."
            )


def parse_number(text: str) -> float:
    """Return the number that a text is; ``1_0`` is a name, although Python reads it as 10.

    Raises:
        ValueError: If it is not a number.
    """
    if "_" in text:
        raise ValueError(f"{text!r} is not a number")
    return float(text)


def is_filter(argument: str) -> bool:
    """Return whether a command-line argument is a condition rather than a name.

    >>> is_filter("lr=0.1"), is_filter("my_study")
    (True, False)
    """
    return _CONDITION.fullmatch(argument) is not None


def columns_of(conditions: Sequence[str]) -> list[str]:
    """Return the column of each condition.

    Raises:
        ConfigError: If an argument is not a condition.
    """
    return [Condition.parse(condition).column for condition in conditions]


def parse_filters(
    conditions: Sequence[str], columns: Sequence[str]
) -> Callable[[Mapping[Any, Any]], bool]:
    """Return a function that checks whether a row meets all conditions.

    Numbers are compared as numbers. A missing value meets no condition.

    >>> meets = parse_filters(["lr>=0.01", "optimizer!=sgd"], ["lr", "optimizer"])
    >>> meets({"lr": 0.1, "optimizer": "adamw"}), meets({"lr": 0.1, "optimizer": "sgd"})
    (True, False)

    Args:
        conditions: Conditions such as ``"lr=0.01"``; operators are = == != < <= > >=.
        columns: The columns of the rows.

    Raises:
        ConfigError: If an argument is not a condition, or a column does not exist.
    """
    parsed = [Condition.parse(condition) for condition in conditions]
    for column in (condition.column for condition in parsed):
        if column not in columns:
            option = " Use --results FOLDER to set the results folder." * (column == "results")
            raise ConfigError(f"There is no column {column!r}.{nearest(column, columns)}{option}")
    return lambda row: all(condition.is_met(row) for condition in parsed)


def no_match(
    conditions: Sequence[str], columns: Mapping[Any, Sequence[Any]], subject: str = "run"
) -> str:
    """Return the message for conditions that nothing meets: which one, and what its column holds.

    >>> no_match(["lr>0", "optimizer=adam"], {"optimizer": ["adamw"], "lr": [0.1]})
    "No run has optimizer=adam: optimizer holds adamw. Did you mean 'adamw'?"

    Args:
        conditions: Conditions such as ``"lr=0.01"``.
        columns: The values of each of their columns.
        subject: What the conditions select.
    """
    for condition in map(Condition.parse, conditions):
        column = condition.column
        if not any(condition.is_met({column: value}) for value in columns[column]):
            held = {column: columns[column]}
            return unmet(condition.text, held, [condition.operand], subject)
    return f"No {subject} meets {' and '.join(conditions)} together."


def unmet(
    condition: str, columns: Mapping[str, Sequence[Any]], operands: Iterable[str], subject: str
) -> str:
    """Return the message for one condition that nothing meets."""
    described = {column: _described(values) for column, values in columns.items()}
    held = "; ".join(f"{column} {text}" for column, (_, text) in described.items())
    texts = [text for values, _ in described.values() for text in values]
    suggestions = (nearest(operand, texts) for operand in operands if operand not in texts)
    return f"No {subject} has {condition}: {held}.{next(filter(None, suggestions), '')}"


def _described(values: Iterable[Any]) -> tuple[list[str], str]:
    """Return the distinct texts among a column's values, and what the column holds in words."""
    present = [value for value in values if not _is_missing(value)]
    texts = sorted({_text(value) for value in present if not _is_number(value)})
    numbers = sorted({value for value in present if _is_number(value)})
    listed = [*(f"{number:g}" for number in numbers), *texts]
    if not listed:
        return texts, "is empty"
    if len(listed) <= _LISTED:
        return texts, f"holds {', '.join(listed)}"
    if not texts:
        return texts, f"holds numbers from {listed[0]} to {listed[-1]}"
    return texts, f"holds {', '.join(listed[:_LISTED])}, …"


def _is_missing(value: Any) -> bool:
    # pandas' NA, without importing pandas
    if value is None or type(value).__name__ == "NAType":
        return True
    return isinstance(value, float) and math.isnan(value)


def _is_number(value: Any) -> bool:
    is_bool = type(value).__name__ in ("bool", "bool_")  # Python's and numpy's
    return not is_bool and not isinstance(value, Iterable)


def _text(value: Any) -> str:
    """Return a value that is not a number as it is typed."""
    if isinstance(value, str):
        return value
    if isinstance(value, Iterable):
        return f"[{','.join(f'{v:g}' if isinstance(v, float) else str(v) for v in value)}]"
    return str(value).lower()


def _is_time(value: Any) -> bool:
    """Return whether a value is a time in ISO 8601, whose texts are ordered like the times."""
    try:
        datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return False
    return True
