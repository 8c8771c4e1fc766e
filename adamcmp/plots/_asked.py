"""The options of plots: which column plays the optimizer's part, which the problem's, which metric.

Every statistic has the keys ``problem`` and ``optimizer``. A plot by another hue or facet is the
same plot of runs whose two columns say something else.
"""

from __future__ import annotations

import pandas as pd

from adamcmp.analysis import measure_of
from adamcmp.errors import ConfigError, nearest
from adamcmp.storage.columns import BEST, METRICS, NORMS

HUE, FACET = "optimizer", "problem"


def as_asked(runs: pd.DataFrame, hue: str = HUE, facet: str = FACET) -> pd.DataFrame:
    """Return runs whose ``optimizer`` is what colours, and ``problem`` what panels tell apart.

    Problems stay apart under every facet. An optimizer that is not named by the hue becomes a
    setting, of which the best is taken like of every other.

    Args:
        runs: As `adamcmp.analysis.labelled` returns them.
        hue: A column of runs, or several with commas between.
        facet: The same.

    Raises:
        ConfigError: For a column that does not exist.
    """
    made = runs.copy()
    if hue != HUE:
        made["variant"] = runs["optimizer"]
        made["optimizer"] = _told(runs, _columns(runs, hue))
    if facet != FACET:
        made["problem"] = _told(runs, list(dict.fromkeys(["problem", *_columns(runs, facet)])))
    for column in ("optimizer", "problem"):  # what no svg can hold
        made[column] = made[column].map({name: _printable(name) for name in made[column].unique()})
    return made


def _columns(runs: pd.DataFrame, words: str) -> list[str]:
    columns = [word.strip() for word in words.split(",")]
    for column in columns:
        if column not in runs:
            raise ConfigError(
                f"There is no column {column!r} to tell runs apart by."
                f"{nearest(column, runs.columns)}"
            )
    return columns


def _told(runs: pd.DataFrame, columns: list[str]) -> pd.Series[str]:
    """Return the values of those columns that vary, in one text a run."""
    texts = {c: runs[c].map(lambda v, c=c: _text(c, v)) for c in columns}
    varied = [c for c in columns if texts[c].nunique() > 1] or columns[:1]
    told = texts[varied[0]]
    for column in varied[1:]:
        told = told + ", " + texts[column]
    return told


def _text(column: str, value: object) -> str:
    if isinstance(value, str):
        return value
    short = f"{value:g}" if isinstance(value, float) else str(value)
    return f"{column.rpartition('.')[2]} {short}"


def _printable(name: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in name)


def metric_or(metric: str | None, runs: pd.DataFrame, split: str = "test") -> str:
    """Return the metric asked for, else the split's error (regression: loss) of these runs.

    Args:
        metric: A column of numbers, or None.
        runs: Those of one problem.
        split: ``"train"``, ``"val"``, ``"test"`` or ``"gap"``.

    Raises:
        ConfigError: For a metric that does not exist.
    """
    if metric is None:
        return f"{split}_{measure_of(runs)}"
    known = [c for c in (*METRICS, *BEST, *NORMS) if c in runs]
    if metric not in runs or not pd.api.types.is_numeric_dtype(runs[metric]):
        raise ConfigError(
            f"There is no metric {metric!r}.{nearest(metric, known)} There are: {', '.join(known)}."
        )
    return metric


def one_of(option: str, value: str, known: tuple[str, ...]) -> str:
    """Return the value of an option that takes one of a few words.

    Raises:
        ConfigError: When it is another word.
    """
    if value not in known:
        raise ConfigError(
            f"--{option} {value}: it is one of {', '.join(known)}.{nearest(value, known)}"
        )
    return value
