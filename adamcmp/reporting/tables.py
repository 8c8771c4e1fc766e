"""Tables of statistics, and their columns for display on the page and in the terminal."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd

from adamcmp.analysis import higher_is_better
from adamcmp.analysis.wording import bracketed_unit, display_name, metric_heading, scale
from adamcmp.reporting.cells import (
    p_value_text,
    value_text,
    with_deviations,
    with_intervals,
)
from adamcmp.storage.columns import METRICS

#: Columns that hold names of optimizers.
OPTIMIZERS = ("optimizer", "over", "a", "b")
#: The splits whose best value per problem is shown in bold.
_RANKED_SPLITS = ("val_", "test_")


@dataclass(frozen=True)
class Table:
    """A table of a report.

    Attributes:
        name: The name of its files, without a suffix.
        title: The title of the statistic.
        caption: Explains the content of the table and its computation.
        data: The tidy table; None if it could not be computed.
        missing_reason: Why there is no data, or none of its estimates is shown.
        error: The error because of which there is none; empty if there was none.
        headlines: What the table shows, in one line per problem.
        headings: The heading of each displayed column, by name; csv files have all columns. If
            empty, all columns are displayed under their names.
        pivot: A column whose values become columns, each with the estimates of that value.
        shown: The data for display, without uninformative numbers; None for all data.
        omitted: Which numbers are not shown, and why; empty for none.
    """

    name: str
    title: str
    caption: str
    data: pd.DataFrame | None = None
    missing_reason: str = ""
    error: str = ""
    headlines: tuple[str, ...] = ()
    headings: Mapping[str, str] = field(default_factory=dict)
    pivot: str = ""
    shown: pd.DataFrame | None = None
    omitted: str = ""

    @property
    def is_shown(self) -> bool:
        """Whether there is something to show."""
        return self.data is not None and not self.missing_reason


@dataclass(frozen=True)
class TableColumn:
    """A column for display.

    Attributes:
        name: Its name in the data; of a pivoted column, the value that it is for.
        heading: The text above it.
        texts: The content of its cells.
        values: The sort keys of the rows: numbers or texts; None for a missing value.
        numeric: Whether it holds numbers.
        best: The rows with the best value of their problem.
    """

    name: str
    heading: str
    texts: list[str]
    values: list[Any]
    numeric: bool = True
    best: Collection[int] = field(default_factory=frozenset)


def shown_columns(table: Table) -> list[TableColumn]:
    """Return a table's columns for display; none without data.

    An estimate and its interval are one column, rounded as the intervals justify. So are a mean
    and its standard deviation. Errors and accuracies are in percent, their differences
    in percentage points; the column ``metric`` says in what the estimates of a row are. The column
    ``problem`` is omitted if there is only one problem.
    """
    if table.data is None:
        return []
    data = table.data if table.shown is None else table.shown
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
        text = display_name(str(value)) if table.pivot in OPTIMIZERS else value_text(value)
        heading = f"{table.headings[table.pivot]} {text}{_unit(estimates, keys)}".strip()
        column = _column("estimate", rows.merge(estimates, how="left", on=keys), heading)
        # The title says that it is an interval.
        columns.append(replace(column, name=str(value), heading=heading))
    return columns


def _unit(estimates: pd.DataFrame, keys: list[str]) -> str:
    """Return the unit of differences of a metric that no column of the table names, in brackets."""
    if "metric" not in estimates or "metric" in keys:
        return ""
    units = {bracketed_unit(metric, difference=True) for metric in estimates["metric"]}
    return units.pop() if len(units) == 1 else ""


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
    values = data[name]
    if len(_spread_columns(name, data)) == 2 and name == "estimate":
        heading += " [95 % interval]"
    texts = _cell_texts(name, data)
    numeric = pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)
    # The page filters rows by the names of metrics and optimizers, not by their texts.
    raw = numeric or name in ("metric", *OPTIMIZERS)
    sort_keys = [None if pd.isna(v) else v for v in values] if raw else texts
    return TableColumn(name, heading, texts, sort_keys, numeric, _best_rows(name, data))


def _cell_texts(name: str, data: pd.DataFrame) -> list[str]:
    """Return the texts of a column's cells, each with its interval or standard deviation."""
    if name == "metric":
        is_difference = {"a", "b"} <= set(data) or "over" in data
        return [metric_heading(metric, difference=is_difference) for metric in data[name]]
    if name in OPTIMIZERS:
        return [display_name(optimizer) for optimizer in data[name]]
    if name.startswith("p_"):
        return [p_value_text(value) for value in data[name]]
    size = _scale(name, data)
    columns = [data[column] for column in (name, *_spread_columns(name, data))]
    if len(columns) == 1:
        return [value_text(value) for value in _multiplied(columns[0], size)]
    formatted = with_intervals if len(columns) == 3 else with_deviations
    scaled = [_multiplied(column, size) for column in columns]
    if name != "estimate" or "metric" not in data:
        return formatted(*scaled)
    # The values of several metrics have nothing in common.
    texts = pd.Series("", data.index, object)
    for _, rows in data.groupby("metric", sort=False):
        texts[rows.index] = pd.Series(formatted(*(c[rows.index] for c in scaled)), rows.index)
    return list(texts)


def _scale(name: str, data: pd.DataFrame) -> int | pd.Series[int]:
    """Return by what the values of a column are multiplied for display."""
    if name == "estimate" and "metric" in data:
        return data["metric"].map(scale)
    return scale(name)


def _multiplied(values: pd.Series[Any], size: int | pd.Series[int]) -> pd.Series[Any]:
    """Return values times a factor; those of other columns than metrics unchanged, also texts."""
    return values if isinstance(size, int) and size == 1 else values * size


def _best_rows(name: str, data: pd.DataFrame) -> frozenset[int]:
    if name not in METRICS or not name.startswith(_RANKED_SPLITS):
        return frozenset()
    if "problem" not in data or len(data) < 2:
        return frozenset()
    signed = data[name] * (-1 if higher_is_better(name) else 1)
    is_best = signed == signed.groupby(data["problem"]).transform("min")
    return frozenset(i for i, value in enumerate(is_best) if value)


def _default_heading(name: str) -> str:
    if name in METRICS:
        return metric_heading(name)
    return name.rpartition(".")[2].replace("_", " ")
