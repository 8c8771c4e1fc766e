"""The options of plots: hue and facet, which relabel runs, and checks of metrics and choices."""

from __future__ import annotations

import pandas as pd

from adamcmp.analysis import RunTable, measure_of
from adamcmp.analysis.metrics import reported_split
from adamcmp.analysis.ordering import in_display_order
from adamcmp.errors import ConfigError, nearest
from adamcmp.storage.columns import BEST, METRICS, NORMS

HUE, FACET = "optimizer", "problem"


def relabel(table: RunTable, hue: str = HUE, facet: str = FACET) -> RunTable:
    """Return the runs grouped by other columns than optimizer and problem.

    Every measure groups runs by the columns ``problem`` and ``optimizer``. Here these columns get
    the values of other columns, so that any plot can compare any settings. Different problems are
    never merged. The optimizer becomes a setting when `hue` does not name it: the best is selected
    on validation, as for every other setting.

    >>> from adamcmp.analysis.example import example_table
    >>> relabel(example_table(), hue="lr").optimizers
    ('lr 0.0001', 'lr 0.001', 'lr 0.01', 'lr 0.1', 'lr 1')

    Args:
        table: The runs.
        hue: The column to compare, or several separated by commas.
        facet: The column to separate panels by, or several separated by commas.

    Raises:
        ConfigError: If there is no such column.
    """
    runs = table.runs
    optimizer = _labels(runs, _columns(runs, hue))
    problem = _labels(runs, list(dict.fromkeys(["problem", *_columns(runs, facet)])))
    if (optimizer == runs["optimizer"]).all() and (problem == runs["problem"]).all():
        return table  # it has already computed the selection
    labels = {"optimizer": optimizer, "problem": problem, "optimizer label": runs["optimizer"]}
    return table.with_runs(in_display_order(runs.assign(**labels)))


def _columns(runs: pd.DataFrame, names: str) -> list[str]:
    """Return the columns in a list separated by commas."""
    columns = [name.strip() for name in names.split(",")]
    for column in columns:
        if column not in runs:
            raise ConfigError(
                f"There is no column {column!r} to group runs by.{nearest(column, runs.columns)}"
            )
    return columns


def _labels(runs: pd.DataFrame, columns: list[str]) -> pd.Series[str]:
    """Return one label per run: the values of those columns that vary."""
    values = {c: runs[c].map(lambda value, c=c: _value_label(c, value)) for c in columns}
    varied = [c for c in columns if values[c].nunique() > 1] or columns[:1]
    labels = values[varied[0]]
    for column in varied[1:]:
        labels = labels + ", " + values[column]
    return labels.map({label: _printable(label) for label in labels.unique()})


def _value_label(column: str, value: object) -> str:
    if isinstance(value, str):
        return value
    number = f"{value:g}" if isinstance(value, float) else str(value)
    return f"{column.rpartition('.')[2]} {number}"


def _printable(label: str) -> str:
    """Replace control characters, which SVG cannot contain."""
    return "".join(c if c.isprintable() else "?" for c in label)


def metric_or_default(metric: str | None, runs: pd.DataFrame, split: str | None = None) -> str:
    """Return the metric, by default the split's error (regression: loss).

    Args:
        metric: A numeric column, or None.
        runs: The runs of one problem.
        split: ``"train"``, ``"val"``, ``"test"`` or ``"gap"``; None takes the reported one.

    Raises:
        ConfigError: If there is no such metric.
    """
    if metric is None:
        return f"{split or reported_split(runs)}_{measure_of(runs)}"
    known = [c for c in (*METRICS, *BEST, *NORMS) if c in runs]
    if metric not in runs or not pd.api.types.is_numeric_dtype(runs[metric]):
        raise ConfigError(
            f"There is no metric {metric!r}.{nearest(metric, known)} "
            f"Choose from: {', '.join(known)}."
        )
    return metric


def one_of(option: str, value: str, choices: tuple[str, ...]) -> str:
    """Return the value of an option with a fixed set of choices.

    Raises:
        ConfigError: If the value is not one of them.
    """
    if value not in choices:
        raise ConfigError(
            f"--{option} {value}: choose one of {', '.join(choices)}.{nearest(value, choices)}"
        )
    return value
