"""Conditions on columns, as people type them.

Words such as ``lr=0.001 'test_error<0.4' optimizer!=sgd``, and queries such as
``"optimizer in ['adam_l2', 'adamw'] and lr > 0.01"``.
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
        folder = " --results FOLDER says where studies lie." if column == "results" else ""
        raise ConfigError(f"There is no column {column!r}.{nearest(column, columns)}{folder}")
    compare = _OPERATORS[sign]

    def check(row: Mapping[Any, Any]) -> bool:
        value = row[column]
        if isinstance(value, Iterable) and not isinstance(value, str):
            listed = ",".join(f"{v:g}" if isinstance(v, float) else str(v) for v in value)
            return bool(compare(f"[{listed}]", wanted.replace(" ", "")))
        if value is None or type(value).__name__ == "NAType" or value != value:  # None, NA, NaN
            return False
        if isinstance(value, bool | str) or type(value).__name__ == "bool":  # numpy's too
            return bool(compare(str(value).lower(), wanted.lower()))
        return bool(compare(value, _number(condition, wanted)))

    return check


#: What a query is made of; attributes are columns' names. No call: it compares and does no more.
_IN_QUERIES = (
    *(ast.Expression, ast.BoolOp, ast.UnaryOp, ast.BinOp, ast.Compare, ast.Name, ast.Attribute),
    *(ast.Constant, ast.List, ast.Tuple, ast.Load, ast.boolop, ast.unaryop, ast.cmpop),
    *(ast.Add, ast.Sub, ast.Mult, ast.Div, ast.BitAnd, ast.BitOr),
)


def where(table: pd.DataFrame, query: str) -> pd.Series[bool]:
    """Return which rows of a table meet a query, such as ``"lr > 0.01 and optimizer != 'sgd'"``.

    A query is a Python expression over columns' names, of comparisons, ``in``, ``and``, ``or``,
    ``not`` and arithmetic, as `pandas.DataFrame.query` reads it. Names with dots stand as they
    are. A value that is missing meets no comparison but ``!=``.

    Raises:
        ConfigError: When it cannot be read, names a column that does not exist, or holds anything
            that could do more than compare.
    """
    import pandas as pd

    names = _Names(query, list(table.columns))
    try:
        tree = ast.parse(query.strip().replace("`", ""), mode="eval")
    except (SyntaxError, ValueError, RecursionError):
        equal = " Equality is '=='." if re.search(r"[^=<>!]=[^=]", query) else ""
        raise _unread(query, f"it is no expression.{equal}") from None
    foreign = [type(node).__name__ for node in ast.walk(tree) if not isinstance(node, _IN_QUERIES)]
    if foreign:
        raise _unread(query, f"{foreign[0]} has no place in it: it may only compare columns.")
    tree = names.visit(tree)
    if not names.used:
        raise _unread(query, "it names no column.")
    used = pd.DataFrame({alias: table[column] for alias, column in names.used.items()})
    try:
        met: Any = used.eval(ast.unparse(tree), engine="python")
        return pd.Series(met.astype("boolean").fillna(False).astype(bool))
    except Exception as error:  # pandas has no common one for what it cannot compare
        raise _unread(query, f"{error}.") from None


def _unread(query: str, why: str) -> ConfigError:
    return ConfigError(f"Cannot read the query {query!r}: {why}")


class _Names(ast.NodeTransformer):
    """Puts an alias in the place of each column's name: what pandas sees is free of dots."""

    def __init__(self, query: str, columns: Sequence[str]) -> None:
        self.query, self.columns, self.used = query, columns, dict[str, str]()

    def visit_Name(self, node: ast.Name) -> ast.AST:
        return self._aliased(node.id)

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        return self._aliased(ast.unparse(node))

    def _aliased(self, name: str) -> ast.Name:
        if name not in self.columns:
            guess = nearest(name, self.columns) or f" A text stands in quotes: '{name}'."
            raise _unread(self.query, f"there is no column {name!r}.{guess}")
        alias = f"c{self.columns.index(name)}"
        self.used[alias] = name
        return ast.Name(alias, ast.Load())
