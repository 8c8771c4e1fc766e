"""Check: does a rule lose to its special case? Then it was not tuned well enough.

Choi et al. 2019, "On Empirical Comparisons of Optimizers for Deep Learning" (arXiv 1910.05446): a
general rule that is tuned well enough is at least as good as its special cases.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping

import pandas as pd

from adamcmp.analysis.audit.finding import Finding
from adamcmp.analysis.comparisons import comparisons
from adamcmp.analysis.run_table import RunTable
from adamcmp.analysis.wording import display_name

#: Settings with a value that turns a feature of the rule off, and that value.
NEUTRAL: Mapping[str, object] = {
    "optimizer.momentum": 0.0,
    "optimizer.nesterov": False,
    "optimizer.amsgrad": False,
    "optimizer.sam_rho": 0.0,
    "wd": 0.0,
}


def check(table: RunTable) -> Iterator[Finding]:
    """Yield rules that are significantly worse than their special case on validation."""
    pairs = list(_general_and_special(table.runs))
    related = {name for general, special, _ in pairs for name in (general, special)}
    for problem, subtable in table.by_problem():
        of_pairs = subtable.where(subtable.runs["optimizer"].isin(related))
        worse = set(_worse_than(of_pairs)) if len(of_pairs.optimizers) > 1 else set()
        for general, special, setting in pairs:
            if (general, special) in worse:
                yield _finding(
                    problem,
                    setting,
                    f"{display_name(general)} is worse than its special case "
                    f"{display_name(special)} ({setting} is off)",
                )
        for _, optimizer, tried in subtable.by_optimizer():
            for setting, halves in _on_and_off(tried):
                if ("on", "off") in set(_worse_than(halves)):
                    name = display_name(optimizer)
                    yield _finding(
                        problem,
                        setting,
                        f"{name} with {setting} is worse than its special case, {name} without",
                    )


def _finding(problem: str, setting: str, claim: str) -> Finding:
    return Finding(
        "special case",
        "warning",
        problem,
        f"{claim} on validation. A rule that is tuned well is at least as good as its special "
        f"cases: try more values of {setting} and of lr.",
        undermines="an optimizer is worse than its special case",
    )


def _worse_than(table: RunTable) -> Iterator[tuple[str, str]]:
    """Yield pairs of optimizers of a problem of which the first is significantly worse."""
    for row in comparisons(table, f"val_{table.measure()}").to_dict("records"):
        if row["better"]:
            yield (row["b"], row["a"]) if row["better"] == "a" else (row["a"], row["b"])


def _on_and_off(table: RunTable) -> Iterator[tuple[str, RunTable]]:
    """Yield settings that are on and off in one optimizer's runs, with runs labelled by that."""
    for column in [column for column in NEUTRAL if column in table.runs]:
        known = table.runs[table.runs[column].notna()]
        on = known[column] != NEUTRAL[column]
        if on.nunique() > 1:
            halves = known.assign(optimizer=on.map({True: "on", False: "off"}))
            yield column.rpartition(".")[2], table.with_runs(halves)


def _general_and_special(runs: pd.DataFrame) -> Iterator[tuple[str, str, str]]:
    """Yield pairs of optimizers of one rule that differ in whether one setting is on.

    The rule of an imported or hand-made run may be unknown.
    """
    columns = [column for column in NEUTRAL if column in runs]
    optimizers = {
        str(optimizer): (
            (group["rule"].iloc[0], group["coupling"].iloc[0]),
            {column for column in columns if _is_on(group[column], NEUTRAL[column])},
        )
        for optimizer, group in runs[runs["rule"].notna()].groupby("optimizer", sort=False)
    }
    for general, special in itertools.permutations(optimizers, 2):
        (rule, on), (special_rule, special_on) = optimizers[general], optimizers[special]
        extra = on - special_on
        # Without weight decay the coupling makes no difference.
        same = rule == special_rule if extra != {"wd"} else rule[0] == special_rule[0]
        if same and special_on < on and len(extra) == 1:
            yield general, special, extra.pop().rpartition(".")[2]


def _is_on(column: pd.Series, neutral: object) -> bool:
    return bool((column.notna() & (column != neutral)).any())
