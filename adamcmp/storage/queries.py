"""Queries: expressions over columns, such as ``optimizer in ['sgdw', 'adamw'] and lr > 0.01``."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from adamcmp.errors import ConfigError, nearest
from adamcmp.storage.filters import unmet

if TYPE_CHECKING:
    import pandas as pd

#: The syntax that queries may use; attributes are column names with dots. Calls are not allowed, so
#: a query can only compare.
_ALLOWED_SYNTAX = (
    *(ast.Expression, ast.BoolOp, ast.UnaryOp, ast.BinOp, ast.Compare, ast.Name, ast.Attribute),
    *(ast.Constant, ast.List, ast.Tuple, ast.Load, ast.boolop, ast.unaryop, ast.cmpop),
    *(ast.Add, ast.Sub, ast.Mult, ast.Div, ast.BitAnd, ast.BitOr),
)


def matches(table: pd.DataFrame, query: str) -> pd.Series[bool]:
    """Return which rows of a table meet a query, such as ``"lr > 0.01 and optimizer != 'sgd'"``.

    A query is a Python expression over column names with comparisons, ``in``, ``and``, ``or``,
    ``not`` and arithmetic, as in `pandas.DataFrame.query`. Names may contain dots. A missing value
    meets no comparison except ``!=``.

    >>> import pandas as pd
    >>> matches(pd.DataFrame({"optimizer.eps": [1e-8, 1e-3]}), "optimizer.eps < 1e-4").tolist()
    [True, False]

    Raises:
        ConfigError: If the query cannot be read, names a column that does not exist, or contains
            syntax other than comparisons.
    """
    import pandas as pd

    names = _Names(query, list(table.columns))
    tree = names.visit(_parsed(query))
    if not names.used:
        raise _query_error(query, "it names no column.")
    used = pd.DataFrame({alias: table[column] for alias, column in names.used.items()})
    try:
        met: Any = used.eval(ast.unparse(tree), engine="python")
        return pd.Series(met.astype("boolean").fillna(False).astype(bool))
    except Exception as error:  # pandas raises many types for values it cannot compare
        raise _query_error(query, f"{error}.") from None


def no_match_of_query(query: str, table: pd.DataFrame) -> str:
    """Return the message for a query that no run meets; see `filters.no_match`.

    >>> import pandas as pd
    >>> no_match_of_query("lr > 0 and lr < 0.1", pd.DataFrame({"lr": [0.1, 1]}))
    'No run has lr < 0.1: lr holds 0.1, 1.'
    """
    for part in _conjuncts(query):
        text = ast.unparse(part)
        if not matches(table, text).any():
            names = _Names(query, list(table.columns))
            names.visit(part)
            constants = (node.value for node in ast.walk(part) if isinstance(node, ast.Constant))
            operands = [value for value in constants if isinstance(value, str)]
            columns = {column: table[column].tolist() for column in names.used.values()}
            return unmet(text, columns, operands, "run")
    return f"No run meets {query} together."


def _conjuncts(query: str) -> list[ast.expr]:
    """Return the parts of a query that `and` joins."""
    match _parsed(query).body:
        case ast.BoolOp(op=ast.And(), values=parts):
            return parts
        case tree:
            return [tree]


def _parsed(query: str) -> ast.Expression:
    """Return the syntax tree of a query, which only compares.

    Raises:
        ConfigError: If it cannot be read, or does anything else.
    """
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
    return tree


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
