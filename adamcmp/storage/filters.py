"""Conditions on columns in the syntax of the command line.

*Filters* are arguments such as ``lr=0.001 'test_error<0.4' optimizer!=sgd``. A *query* is one
expression, such as ``"optimizer in ['adam_l2', 'adamw'] and lr > 0.01"``.
"""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from adamcmp.errors import ConfigError, nearest

if TYPE_CHECKING:
    import pandas as pd

_CONDITION = re.compile(r"([\w.]+)\s*(!=|<=|>=|=|<|>)\s*(.*)")
_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


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
    return [_split(condition)[0] for condition in conditions]


def parse_filters(
    conditions: Sequence[str], columns: Sequence[str]
) -> Callable[[Mapping[Any, Any]], bool]:
    """Return a function that checks whether a row meets all conditions.

    Numbers are compared as numbers. A missing value meets no condition.

    >>> meets = parse_filters(["lr>=0.01", "optimizer!=sgd"], ["lr", "optimizer"])
    >>> meets({"lr": 0.1, "optimizer": "adamw"}), meets({"lr": 0.1, "optimizer": "sgd"})
    (True, False)

    Args:
        conditions: Conditions such as ``"lr=0.01"``; operators are = != < <= > >=.
        columns: The columns of the rows.

    Raises:
        ConfigError: If an argument is not a condition, or a column does not exist.
    """
    checks = [_parse_filter(condition, columns) for condition in conditions]
    return lambda row: all(check(row) for check in checks)


def _number(condition: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ConfigError(
            f"Cannot read the filter {condition!r}: {text!r} is not a number."
        ) from None


def _split(condition: str) -> tuple[str, str, str]:
    match = _CONDITION.fullmatch(condition)
    if not match:
        raise ConfigError(
            f"Cannot read the filter {condition!r}: write COLUMN=VALUE (or != < <= > >=, quoted)."
        )
    return match[1], match[2], match[3]


def _parse_filter(condition: str, columns: Sequence[str]) -> Callable[[Mapping[Any, Any]], bool]:
    column, sign, operand = _split(condition)
    if column not in columns:
        option = " Use --results FOLDER to set the results folder." if column == "results" else ""
        raise ConfigError(f"There is no column {column!r}.{nearest(column, columns)}{option}")
    compare = _OPERATORS[sign]

    def meets(row: Mapping[Any, Any]) -> bool:
        value = row[column]
        if isinstance(value, Iterable) and not isinstance(value, str):
            items = ",".join(f"{v:g}" if isinstance(v, float) else str(v) for v in value)
            return bool(compare(f"[{items}]", operand.replace(" ", "")))
        is_nan = value != value  # noqa: PLR0124
        if value is None or type(value).__name__ == "NAType" or is_nan:
            return False
        if isinstance(value, bool | str) or type(value).__name__ == "bool":  # numpy's bool too
            return bool(compare(str(value).lower(), operand.lower()))
        return bool(compare(value, _number(condition, operand)))

    return meets


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
