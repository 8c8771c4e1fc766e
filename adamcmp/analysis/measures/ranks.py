"""Mean ranks of the optimizers over several problems."""

from __future__ import annotations

from math import factorial

import numpy as np
import pandas as pd
from scipy import stats

from adamcmp.analysis.aggregation import ESTIMATE_COLUMNS
from adamcmp.analysis.estimates import ALPHA
from adamcmp.analysis.measures.measure import Measure, column_headings
from adamcmp.analysis.measures.problem_scores import problem_scores
from adamcmp.analysis.run_table import RunTable
from adamcmp.analysis.wording import display_name


def ranks(table: RunTable) -> pd.DataFrame:
    """Return the optimizers' mean ranks over problems; 1 is the best, ties share their mean rank.

    An optimizer whose best setting diverged on every seed ranks behind those with a completed run.

    Two optimizers whose intervals do not overlap differ by Nemenyi's test: the intervals are the
    mean rank ± half its critical difference q·√(k(k + 1)/(6N)) for k optimizers on N problems
    (Demšar 2006, JMLR 7, 1-30). Whether any optimizers differ is tested by Friedman's test in Iman
    & Davenport's form; where all problems rank them alike, by counting orders. Two optimizers have
    no intervals; their p-value is that of the exact sign test.

    >>> from adamcmp.analysis.example import example_table
    >>> ranks(example_table())[["optimizer", "estimate", "n", "p_value"]]
      optimizer  estimate  n  p_value
    0     adamw       1.0  2      0.5
    1   adam_l2       2.0  2      0.5

    Returns:
        One row per optimizer, the best first: optimizer; estimate, ci_low, ci_high, n (problems);
        p_value (of no difference among all), critical_difference. Empty with fewer than two
        problems or optimizers.
    """
    scores = problem_scores(table)
    problems, k = scores.shape
    columns = ["optimizer", *ESTIMATE_COLUMNS, "p_value", "critical_difference"]
    if problems < 2 or k < 2:
        return pd.DataFrame(columns=columns)
    by_problem = scores.rank(axis=1)
    critical = _critical_difference(k, problems)
    half, p_value = critical / 2, _p_any_difference(by_problem)
    rows = [
        (name, rank, rank - half, rank + half, problems, p_value, critical)
        for name, rank in by_problem.mean().sort_values(kind="stable").items()
    ]
    return pd.DataFrame(rows, columns=columns)


def _critical_difference(k: int, problems: int) -> float:
    # For k = 2 Nemenyi's test rejects at four problems, the exact sign test only at six.
    if k == 2:
        return float("nan")
    q = float(stats.studentized_range.ppf(1 - ALPHA, k, np.inf)) / np.sqrt(2)
    return float(q * np.sqrt(k * (k + 1) / (6 * problems)))


def _p_any_difference(by_problem: pd.DataFrame) -> float:
    """Return the p-value of the hypothesis that all optimizers rank alike."""
    problems, k = by_problem.shape
    if k == 2:
        difference = by_problem.iloc[:, 0] - by_problem.iloc[:, 1]
        first_better, untied = int((difference < 0).sum()), int((difference != 0).sum())
        return float(stats.binomtest(first_better, untied).pvalue) if untied else 1.0
    if (by_problem.nunique(axis=1) == 1).all():
        return 1.0
    chi2 = float(stats.friedmanchisquare(*by_problem.to_numpy().T).statistic)
    rest = problems * (k - 1) - chi2
    if rest <= 1e-9:  # every problem ranks them alike
        # Each problem after the first has the same order by chance with probability 1/k!.
        return float(factorial(k)) ** (1 - problems)
    # The degrees of freedom of Iman & Davenport's F.
    degrees = (k - 1, (k - 1) * (problems - 1))
    return float(stats.f.sf((problems - 1) * chi2 / rest, *degrees))


def _headline(rows: pd.DataFrame) -> str:
    best = rows.iloc[0]
    name, rank = display_name(best["optimizer"]), best["estimate"]
    return f"{name} has the best mean rank, {rank:.1f}, over {best['n']} problems."


RANKS = Measure(
    "ranks",
    "Ranks over problems",
    "Mean rank over problems, 1 is the best. Two optimizers whose intervals do not overlap differ "
    "by Nemenyi's test. For two optimizers p is that of the sign test.",
    ranks,
    _headline,
    "several optimizers on several problems",
    column_headings(estimate="mean rank", n="problems", p_value="p (any differ)"),
    order=130,
)
