"""Across several problems: ranks and performance profiles of the optimizers' best settings."""

from __future__ import annotations

from math import factorial

import numpy as np
import pandas as pd
from scipy import stats

from adamcmp.analysis.estimates import ALPHA, proportion
from adamcmp.analysis.intervals import ESTIMATES
from adamcmp.analysis.run_table import accepts_table
from adamcmp.analysis.selection import PROBLEM, chosen, measure_of
from adamcmp.analysis.setting_matrix import charged, choosable


def scores(runs: pd.DataFrame) -> pd.DataFrame:
    """Return test means over seeds of the best settings: problems × optimizers.

    Diverged seeds are charged (`adamcmp.analysis.setting_matrix`). Problems without every
    optimizer are left
    out: what was not run did not fail.

    Args:
        runs: Rows of `runs` with the columns of `labelled`.
    """
    runs = choosable(runs)
    if runs.empty:
        return pd.DataFrame()
    best = chosen(runs)["run_id"]
    found = {}
    for problem, group in runs.groupby(*PROBLEM, sort=False):
        measure = measure_of(group)
        own = charged(group, measure)
        own = own[own["run_id"].isin(best)]
        found[problem] = own.groupby("optimizer")[f"test_{measure}"].mean()
    table = pd.DataFrame(found).T
    order = runs["optimizer"].drop_duplicates()
    return table[[o for o in order if o in table]].dropna()


@accepts_table
def ranks(runs: pd.DataFrame) -> pd.DataFrame:
    """Return optimizers' mean ranks over problems, 1 the best; ties share theirs.

    Two optimizers whose intervals do not overlap differ by Nemenyi's test: the intervals are the
    mean rank ± half its critical difference q·√(k(k + 1)/(6N)) for k optimizers on N problems
    (Demšar 2006, JMLR 7). Whether any differ is Friedman's test in Iman & Davenport's form; where
    all problems rank them alike, by how many orders there are. Two optimizers have no intervals:
    the sign test, which is exact, says whether they differ.

    Args:
        runs: Rows of `runs` with the columns of `labelled`.

    Returns:
        A row per optimizer, the best first: optimizer; estimate, ci_low, ci_high, n (problems);
        p_value (of all of them together), critical_difference. Empty with one problem or optimizer.
    """
    table = scores(runs)
    problems, k = table.shape
    columns = ["optimizer", *ESTIMATES, "p_value", "critical_difference"]
    if problems < 2 or k < 2:
        return pd.DataFrame(columns=columns)
    ranked = table.rank(axis=1)
    critical = _critical_difference(k, problems)
    mean = ranked.mean().sort_values(kind="stable")
    half, p_value = critical / 2, _any_differ(ranked)
    rows = [
        (name, rank, rank - half, rank + half, problems, p_value, critical)
        for name, rank in mean.items()
    ]
    return pd.DataFrame(rows, columns=columns)


def _critical_difference(k: int, problems: int) -> float:
    if k == 2:  # would find a difference at four problems, and the sign test not before six
        return float("nan")
    q = float(stats.studentized_range.ppf(1 - ALPHA, k, np.inf)) / np.sqrt(2)
    return float(q * np.sqrt(k * (k + 1) / (6 * problems)))


def _any_differ(ranked: pd.DataFrame) -> float:
    """Return the p-value of the hypothesis that all optimizers rank alike."""
    problems, k = ranked.shape
    if k == 2:
        first = ranked.iloc[:, 0] - ranked.iloc[:, 1]
        wins, decided = int((first < 0).sum()), int((first != 0).sum())
        return float(stats.binomtest(wins, decided).pvalue) if decided else 1.0
    if (ranked.nunique(axis=1) == 1).all():
        return 1.0
    chi = float(stats.friedmanchisquare(*ranked.to_numpy().T).statistic)
    left = problems * (k - 1) - chi
    if left <= 1e-9:  # every problem ranks them alike
        return float(factorial(k)) ** (1 - problems)
    degrees = (k - 1, (k - 1) * (problems - 1))
    return float(stats.f.sf((problems - 1) * chi / left, *degrees))


@accepts_table
def performance_profiles(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the share of problems on which an optimizer is within a factor τ of the best.

    Dolan & Moré 2002, Mathematical Programming 91. Intervals are Wilson's over problems.

    Args:
        runs: Rows of `runs` with the columns of `labelled`.

    Returns:
        A row per optimizer and each ratio τ that occurs, 1 among them: optimizer, tau; estimate,
        ci_low, ci_high, n (problems). Empty with one problem or optimizer.
    """
    table = scores(runs)
    columns = ["optimizer", "tau", *ESTIMATES]
    if len(table) < 2 or table.shape[1] < 2:
        return pd.DataFrame(columns=columns)
    ratios = table.div(table.min(axis=1), axis=0).fillna(1.0)  # 0 by 0: as good as the best
    taus = np.unique(ratios[np.isfinite(ratios)].fillna(1.0))
    found = []
    for name in table.columns:
        within = (ratios[name].to_numpy() <= taus[:, None]).sum(axis=1)
        numbers = [taus, *proportion(within, len(table)), np.full(len(taus), len(table))]
        own = pd.DataFrame(dict(zip(columns[1:], numbers, strict=True)))
        found.append(own.assign(optimizer=name)[columns])
    return pd.concat(found, ignore_index=True)
