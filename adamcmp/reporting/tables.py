"""Tables of statistics, and their columns for display on the page and in the terminal."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd

from adamcmp.reporting.cells import (
    p_value_text,
    value_text,
    with_deviation,
    with_interval,
)
from adamcmp.storage.columns import METRICS

#: Metrics whose lowest value per problem is shown in bold.
_RANKED_METRICS = ("val_error", "test_error", "val_loss", "test_loss")


@dataclass(frozen=True)
class Table:
    """A table of a report.

    Attributes:
        name: The name of its files, without a suffix.
        title: The title of the statistic.
        caption: Explains the content of the table and its computation.
        data: The tidy table; None if it could not be computed.
        missing_reason: Why there is no data.
        error: The error because of which there is none; empty if there was none.
        headings: The heading of each displayed column, by name; csv files have all columns. If
            empty, all columns are displayed under their names.
        pivot: A column whose values become columns, each with the estimates of that value.
    """

    name: str
    title: str
    caption: str
    data: pd.DataFrame | None = None
    missing_reason: str = ""
    error: str = ""
    headings: Mapping[str, str] = field(default_factory=dict)
    pivot: str = ""


@dataclass(frozen=True)
class TableColumn:
    """A column for display.

    Attributes:
        name: Its name in the data.
        heading: The text above it.
        texts: The content of its cells.
        values: The sort keys of the rows: numbers or texts; None for a missing value.
        metric: The metric whose values it holds; empty for other columns.
        numeric: Whether it holds numbers.
        best: The rows with the best value of their problem.
    """

    name: str
    heading: str
    texts: list[str]
    values: list[Any]
    metric: str = ""
    numeric: bool = True
    best: Collection[int] = field(default_factory=frozenset)


def shown_columns(table: Table) -> list[TableColumn]:
    """Return a table's columns for display; none without data.

    An estimate and its interval are one column, rounded to two digits of the interval's width. So
    are a mean and its standard deviation. The column ``problem`` is omitted if there is only one
    problem.
    """
    if table.data is None:
        return []
    data = table.data
    names = [str(name) for name in (table.headings or data) if name in data]
    hidden = {column for name in names for column in _spread_columns(name, data)}
    if "problem" in data and data["problem"].nunique() == 1:
        hidden.add("problem")
    names = [name for name in names if name not in hidden]
    if table.pivot:
        keys = [name for name in names if name not in (table.pivot, "estimate")]
        return _pivoted(table, data, keys)
    return [_column(name, data, table.headings.get(name, _default_heading(name))) for name in names]


def _pivoted(table: Table, data: pd.DataFrame, keys: list[str]) -> list[TableColumn]:
    """Return the columns of keys, then one for each value of the column to pivot."""
    rows = data[keys].drop_duplicates()
    columns = [_column(key, rows, table.headings[key]) for key in keys]
    for value, estimates in data.groupby(table.pivot, sort=False):
        heading = f"{table.headings[table.pivot]} {value_text(value)}".strip()
        column = _column("estimate", rows.merge(estimates, how="left", on=keys), heading)
        columns.append(replace(column, heading=heading))  # the title says that it is an interval
    return columns


def _spread_columns(name: str, data: pd.DataFrame) -> list[str]:
    """Return the columns of a column's interval, or of its standard deviation; [] for neither."""
    if name == "estimate":
        return [c for c in ("ci_low", "ci_high") if c in data]
    for stem in (f"{name}_ci", name, name.rpartition("_")[0]):
        ends = [f"{stem}_low", f"{stem}_high"]
        if all(end in data for end in ends):
            return [] if name in ends else ends
    return [f"{name}_sd"] if f"{name}_sd" in data else []


def _column(name: str, data: pd.DataFrame, heading: str) -> TableColumn:
    values, spread = data[name], [data[column] for column in _spread_columns(name, data)]
    texts = [(p_value_text if name.startswith("p_") else value_text)(value) for value in values]
    if name == "metric":
        texts = [text.replace("_", " ") for text in texts]
    if len(spread) == 2:
        texts = [with_interval(*row) for row in zip(values, *spread, strict=True)]
        heading += " [95 % interval]" if name == "estimate" else ""
    elif spread:
        texts = [with_deviation(*row) for row in zip(values, *spread, strict=True)]
    numeric = pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)
    # The page filters rows by the metric's name, not by its text.
    raw = numeric or name == "metric"
    sort_keys = [None if pd.isna(v) else v for v in values] if raw else texts
    metric = name if name in METRICS else ""
    return TableColumn(name, heading, texts, sort_keys, metric, numeric, _best_rows(name, data))


def _best_rows(name: str, data: pd.DataFrame) -> frozenset[int]:
    if name not in _RANKED_METRICS or "problem" not in data or len(data) < 2:
        return frozenset()
    least = data.groupby("problem")[name].transform("min")
    return frozenset(i for i, best in enumerate(data[name] == least) if best)


def _default_heading(name: str) -> str:
    return name.rpartition(".")[2].replace("_", " ")
