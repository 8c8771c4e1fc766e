"""Check: did some optimizers have a larger tuning budget, or train longer?"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from itertools import permutations

import pandas as pd

from adamcmp.analysis.audit.finding import Finding
from adamcmp.analysis.measures.budgets import budgets
from adamcmp.analysis.metrics import higher_is_better
from adamcmp.analysis.run_table import RunTable
from adamcmp.analysis.wording import MOST_NAMES, display_name, join_names

#: Budgets are unequal if one is more than this many times another.
UNEQUAL = 1.25
#: What an unequal tuning budget undermines, in the terms of `Finding.undermines`.
UNEQUAL_TUNING = "unequal tuning budgets"
#: The components of a tuning budget, by column of `budgets`.
TUNING: Mapping[str, str] = {
    "settings": "settings",
    "seeds_per_setting": "selection seeds per setting",
    "steps_per_run": "steps per run",
}


def check(table: RunTable) -> Iterator[Finding]:
    """Yield problems on which optimizers had unequal tuning budgets or run lengths.

    A larger budget undermines the verdict only if the optimizer that has it is ahead of one with a
    smaller budget.
    """
    selected = table.selected()
    for problem, group in budgets(table).groupby("problem", sort=False):
        unequal = {column: text for column in TUNING if (text := _unequal(group, column))}
        if unequal:
            yield _unequal_tuning(str(problem), unequal, _is_ahead(table, str(problem), group))
        columns = ["batch_size", "train_examples"]
        columns += [] if "steps_per_run" in unequal else ["steps"]  # else reported above
        yield from _different_values(str(problem), selected, columns)


def _unequal_tuning(problem: str, unequal: Mapping[str, str], is_ahead: bool) -> Finding:
    """Return the finding on unequal tuning budgets.

    Args:
        problem: The problem.
        unequal: The budgets of the optimizers as text, by column of `budgets`.
        is_ahead: Whether an optimizer with a larger budget is ahead of one with a smaller budget.
    """
    listed = "; ".join(f"{TUNING[column]} ({text})" for column, text in unequal.items())
    consequence = (
        "an optimizer with a larger budget may be ahead for that reason."
        if is_ahead
        else "no optimizer is ahead of one that had a smaller budget."
    )
    selection = (
        " Verdicts account for the selection among unequal numbers of settings. The tuning curves "
        "compare optimizers at equal numbers."
    )
    return Finding(
        "budget",
        "warning" if is_ahead else "note",
        problem,
        f"Tuning budgets differ: {listed}; {consequence}{selection * ('settings' in unequal)}",
        undermines=UNEQUAL_TUNING if is_ahead else "",
    )


def _is_ahead(table: RunTable, problem: str, budget: pd.DataFrame) -> bool:
    """Return whether an optimizer with a larger budget is ahead of one with a smaller budget."""
    metric = table.metric(problem)
    selected = table.of_problem(problem).selected()
    means = selected.groupby("optimizer")[metric].mean() * (-1 if higher_is_better(metric) else 1)
    return any(
        means.get(a["optimizer"], math.nan) < means.get(b["optimizer"], math.nan)
        for a, b in permutations(budget.to_dict("records"), 2)
        if any(a[column] > UNEQUAL * b[column] for column in TUNING)
    )


def _unequal(group: pd.DataFrame, column: str) -> str:
    """Return the budgets of a problem's optimizers as text if they are unequal, else ""."""
    known = group[group[column].notna()]
    if known.empty or known[column].max() <= UNEQUAL * known[column].min():
        return ""
    values = known[column].map(lambda value: f"{value:.1f}".removesuffix(".0"))
    names = known["optimizer"].map(display_name)
    if len(known) <= MOST_NAMES:
        return ", ".join(f"{name} {value}" for name, value in zip(names, values, strict=True))
    return ", ".join(
        f"{value} of {join_names(names[values == value], MOST_NAMES)}" for value in values.unique()
    )


def _different_values(
    problem: str, selected: pd.DataFrame, columns: list[str]
) -> Iterator[Finding]:
    """Yield the columns in which the selected settings of a problem differ."""
    runs = selected[selected["problem"] == problem]
    for column in [column for column in columns if column in runs]:
        values = {
            str(optimizer): "/".join(map(str, sorted(set(group[column].dropna()))))
            for optimizer, group in runs.groupby("optimizer", sort=False)
        }
        if len(set(values.values())) > 1:
            listed = ", ".join(f"{display_name(name)} {text}" for name, text in values.items())
            yield Finding(
                "budget",
                "warning",
                problem,
                f"The selected settings differ in {column.replace('_', ' ')}: {listed}.",
                undermines=f"unequal {column.replace('_', ' ')}",
            )
