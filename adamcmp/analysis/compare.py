"""Two sets of runs, named by conditions: which is better?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from adamcmp.analysis.arms import Arm
from adamcmp.analysis.comparisons import between, check_metrics
from adamcmp.analysis.filters import parse_filters
from adamcmp.analysis.selection import labelled, measure_of, short
from adamcmp.analysis.verdicts import sentence
from adamcmp.analysis.wording import display_name
from adamcmp.errors import ConfigError, nearest
from adamcmp.storage.columns import METRICS


def compare(
    runs: pd.DataFrame,
    a: str | Sequence[str],
    b: str | Sequence[str],
    metric: str | None = None,
) -> pd.DataFrame:
    """Compare two sets of runs of one problem, each at its best setting.

    Args:
        runs: Rows of `runs`, such as ``adamcmp.load("first").runs``.
        a: Conditions that runs of one side meet, such as ``"optimizer=adamw"`` or
            ``["optimizer=adamw", "lr=0.01"]``. Among the runs that are left the setting is chosen
            on validation.
        b: Conditions of the other side.
        metric: A metric's column; None takes the problem's test error (regression: loss).

    Returns:
        One row, as `comparisons` (``p_holm`` is ``p_value``, there being one comparison), and
        ``verdict``, a sentence.

    Raises:
        ConfigError: When a condition or metric is wrong, no run fits or has the metric, or several
            problems do.
    """
    check_metrics([metric] if metric else [])
    if runs.empty:
        raise ConfigError("There are no runs to compare.")
    conditions = [[c] if isinstance(c, str) else list(c) for c in (a, b)]
    known = labelled(runs)
    fitting = [_fitting(runs, known, each) for each in conditions]
    both = pd.concat(fitting)
    problems = list(dict.fromkeys(both["problem"]))
    if len(problems) > 1:
        raise ConfigError(
            f"These runs are of {len(problems)} problems: {'; '.join(problems)}. "
            f"Add a condition to both arms, such as {_telling(both)}."
        )
    metric = metric or f"test_{measure_of(both)}"
    ended = both[both["status"] == "done"]
    if len(ended) and ended[metric].isna().all():
        there = ", ".join(m for m in METRICS if m in ended and ended[m].notna().any())
        raise ConfigError(f"These runs have no {metric}. They have: {there}.")
    first, second = (_side(each, own) for each, own in zip(conditions, fitting, strict=True))
    table = between(problems[0], [(first, second)], metric)
    return table.assign(verdict=sentence({str(c): table[c].iloc[0] for c in table}))


def _side(conditions: list[str], runs: pd.DataFrame) -> Arm:
    """Return a side, named by its conditions and, where these leave several, its optimizer."""
    side = Arm.of(_name(conditions), runs)
    if runs["optimizer"].nunique() == 1:
        return side
    return replace(side, name=f"{side.name} ({display_name(side.reported['optimizer'].iloc[0])})")


def _telling(runs: pd.DataFrame) -> str:
    """Return a condition that tells problems apart."""
    parts = [c for c in map(str, runs) if c.startswith(("dataset.", "model."))]
    varied = (c for c in ("dataset", "model", *parts) if runs[c].map(str).nunique() > 1)
    column = next(varied, "model")
    return f"{column}={short(runs[column].iloc[0])}"


def _fitting(runs: pd.DataFrame, known: pd.DataFrame, conditions: list[str]) -> pd.DataFrame:
    """Return the labelled runs that meet conditions on their rows."""
    keep = parse_filters(conditions, list(runs.columns))
    found = known[[keep(row) for row in runs.to_dict("records")]]
    if (found["status"] == "failed").all():
        crashed = f": the {len(found)} that do crashed" if len(found) else ""
        raise ConfigError(
            f"No run fits {' '.join(conditions)}{crashed}.{_nearest(runs, conditions)}"
        )
    return found


def _nearest(runs: pd.DataFrame, conditions: list[str]) -> str:
    """Return a guess at what was meant by a value that no run has, or ""."""
    for condition in conditions:
        column, _, value = condition.partition("=")
        known = set(runs[column].map(str)) if column in runs else set()
        if known and value not in known:
            return nearest(value, known)
    return ""


def _name(conditions: list[str]) -> str:
    """Return a side's name: its optimizer's, and what else was asked."""
    optimizers = [c.removeprefix("optimizer=") for c in conditions if c.startswith("optimizer=")]
    if len(optimizers) != 1:
        return ", ".join(conditions)
    others = ", ".join(c for c in conditions if not c.startswith("optimizer="))
    return display_name(optimizers[0]) + (f" ({others})" if others else "")
