"""Check: did some optimizers have a larger tuning budget, or train longer?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pandas as pd

from adamcmp.analysis.audit.finding import Finding
from adamcmp.analysis.measures.budgets import budgets
from adamcmp.analysis.run_table import RunTable
from adamcmp.analysis.wording import display_name

#: Budgets are unequal if one is more than this many times another.
UNEQUAL = 1.25
#: The components of a tuning budget, by column of `budgets`.
TUNING: Mapping[str, str] = {
    "settings": "settings",
    "seeds_per_setting": "selection seeds per setting",
    "steps_per_run": "steps per run",
}


def check(table: RunTable) -> Iterator[Finding]:
    """Yield problems on which optimizers had unequal tuning budgets or run lengths."""
    selected = table.selected()
    for problem, group in budgets(table).groupby("problem", sort=False):
        unequal = {column: text for column in TUNING if (text := _unequal(group, column))}
        if unequal:
            listed = "; ".join(f"{TUNING[column]} ({text})" for column, text in unequal.items())
            curves = " The tuning curves compare them at equal numbers of settings."
            yield Finding(
                "budget",
                "warning",
                str(problem),
                f"Tuning budgets differ: {listed}; an optimizer with a larger budget may be ahead "
                f"for that reason.{curves if 'settings' in unequal else ''}",
                undermines="unequal tuning budgets",
            )
        columns = ["batch_size", "train_examples"]
        columns += [] if "steps_per_run" in unequal else ["steps"]  # else reported above
        yield from _different_values(str(problem), selected, columns)


def _unequal(group: pd.DataFrame, column: str) -> str:
    """Return the budgets of a problem's optimizers as text if they are unequal, else ""."""
    known = group[group[column].notna()]
    if known.empty or known[column].max() <= UNEQUAL * known[column].min():
        return ""
    return ", ".join(
        f"{display_name(row['optimizer'])} {row[column]:.1f}".removesuffix(".0")
        for row in known.to_dict("records")
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
