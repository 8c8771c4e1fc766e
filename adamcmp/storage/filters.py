"""Conditions on columns in the syntax of the command line.

*Filters* are arguments such as ``lr=0.001 'test_error<0.4' optimizer!=sgd``. A *query* is one
expression, such as ``"optimizer in ['adam_l2', 'adamw'] and lr > 0.01"``.
"""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Self

from adamcmp.errors import ConfigError, nearest

if TYPE_CHECKING:
    import pandas as pd

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
            return bool(compare(value, float(self.operand)))
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


def no_match(conditions: Sequence[str], rows: Sequence[Mapping[Any, Any]]) -> str:
    """Return the message for conditions that no row meets: which one, and what its column holds.

    >>> no_match(["lr>0", "optimizer=adam"], [{"optimizer": "adamw", "lr": 0.1}])
    "No run has optimizer=adam: optimizer holds adamw. Did you mean 'adamw'?"
    """
    for condition in map(Condition.parse, conditions):
        if not any(map(condition.is_met, rows)):
            values = [row[condition.column] for row in rows]
            texts, held = _described(values)
            suggestion = nearest(condition.operand, texts)
            return f"No run has {condition.text}: {condition.column} {held}.{suggestion}"
    return f"No run meets {' and '.join(conditions)} together."


def _described(values: Iterable[Any]) -> tuple[list[str], str]:
    """Return the distinct texts among a column's values, and what the column holds in words."""
    present = [value for value in values if not _is_missing(value)]
    texts = sorted({_text(value) for value in present if not _is_number(value)})
    numbers = sorted({value for value in present if _is_number(value)})
    listed = [*(f"{number:g}" for number in numbers), *texts]
    if not listed:
        return texts, "is empty in all runs"
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


#: The syntax that queries may use; attributes are column names with dots. Calls are not allowed, so
#: a query can only compare.
_ALLOWED_SYNTAX = (
    *(ast.Expression, ast.BoolOp, ast.UnaryOp, ast.BinOp, ast.Compare, ast.Name, ast.Attribute),
    *(ast.Constant, ast.List, ast.Tuple, ast.Load, ast.boolop, ast.unaryop, ast.cmpop),
    *(ast.Add, ast.Sub, ast.Mult, ast.Div, ast.BitAnd, ast.BitOr),
)


def where(table: pd.DataFrame, query: str) -> pd.Series[bool]:
    """Return which rows of a table meet a query, such as ``"lr > 0.01 and optimizer != 'sgd'"``.

    A query is a Python expression over column names with comparisons, ``in``, ``and``, ``or``,
    ``not`` and arithmetic, as in `pandas.DataFrame.query`. Names may contain dots. A missing value
    meets no comparison except ``!=``.

    >>> import pandas as pd
    >>> where(pd.DataFrame({"optimizer.eps": [1e-8, 1e-3]}), "optimizer.eps < 1e-4").tolist()
    [True, False]

    Raises:
        ConfigError: If the query cannot be read, names a column that does not exist, or contains
            syntax other than comparisons.
    """
    import pandas as pd

    names = _Names(query, list(table.columns))
    try:
        tree = ast.parse(query.strip().replace("`", ""), mode="eval")
    except (SyntaxError, ValueError, RecursionError):
        equal = " Equality is '=='." if re.search(r"[^=<>!]=[^=]", query) else ""
        raise _query_error(query, f"it is not an expression.{equal}") from None
    forbidden = [
        type(node).__name__ for node in ast.walk(tree) if not isinstance(node, _ALLOWED_SYNTAX)
    ]
    if forbidden:
        raise _query_error(query, f"{forbidden[0]} is not allowed; it may only compare columns.")
    tree = names.visit(tree)
    if not names.used:
        raise _query_error(query, "it names no column.")
    used = pd.DataFrame({alias: table[column] for alias, column in names.used.items()})
    try:
        met: Any = used.eval(ast.unparse(tree), engine="python")
        return pd.Series(met.astype("boolean").fillna(False).astype(bool))
    except Exception as error:  # pandas raises many types for values it cannot compare
        raise _query_error(query, f"{error}.") from None


def _query_error(query: str, reason: str) -> ConfigError:
    return ConfigError(f"Cannot read the query {query!r}: {reason}")


class _Names(ast.NodeTransformer):
    """Replaces each column name by an alias without dots, which pandas can read."""

    def __init__(self, query: str, columns: Sequence[str]) -> None:
        self.query, self.columns, self.used = query, columns, dict[str, str]()

    def visit_Name(self, node: ast.Name) -> ast.AST:
        return self._aliased(node.id)

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        return self._aliased(ast.unparse(node))

    def _aliased(self, name: str) -> ast.Name:
        if name not in self.columns:
            hint = nearest(name, self.columns) or f" Put text values in quotes: '{name}'."
            raise _query_error(self.query, f"there is no column {name!r}.{hint}")
        alias = f"c{self.columns.index(name)}"
        self.used[alias] = name
        return ast.Name(alias, ast.Load())
