"""Performance profiles: the share of problems on which an optimizer is close to the best one."""

from __future__ import annotations

import numpy as np
import pandas as pd

from adamcmp.analysis.aggregation import ESTIMATE_COLUMNS
from adamcmp.analysis.estimates import proportion
from adamcmp.analysis.measures.measure import Measure
from adamcmp.analysis.measures.problem_scores import problem_scores
from adamcmp.analysis.run_table import RunTable
from adamcmp.analysis.wording import display_name


def performance_profiles(table: RunTable) -> pd.DataFrame:
    """Return the share of problems on which an optimizer is within a factor τ of the best.

    Dolan & Moré 2002, Mathematical Programming 91, 201-213. An optimizer whose best setting
    diverged on every seed is within no factor. Intervals are Wilson's over problems.

    >>> from adamcmp.analysis.example import example_table
    >>> profiles = performance_profiles(example_table())
    >>> profiles[["optimizer", "tau", "estimate", "n"]].round(3)
      optimizer    tau  estimate  n
    0   adam_l2  1.000       0.0  2
    1   adam_l2  1.067       0.5  2
    2   adam_l2  1.100       1.0  2
    3     adamw  1.000       1.0  2
    4     adamw  1.067       1.0  2
    5     adamw  1.100       1.0  2

    Returns:
        One row per optimizer and each ratio τ that occurs, 1 among them: optimizer, tau; estimate,
        ci_low, ci_high, n (problems). Empty with fewer than two problems or optimizers.
    """
    scores = problem_scores(table)
    columns = ["optimizer", "tau", *ESTIMATE_COLUMNS]
    if len(scores) < 2 or scores.shape[1] < 2:
        return pd.DataFrame(columns=columns)
    ratios = scores.div(scores.min(axis=1), axis=0).fillna(1.0)  # 0 / 0: equal to the best
    ratios = ratios.mask(np.isinf(scores), np.inf)
    taus = np.unique(np.append(ratios.to_numpy()[np.isfinite(ratios)], 1.0))
    tables = []
    for name in scores.columns:
        within = (ratios[name].to_numpy() <= taus[:, None]).sum(axis=1)
        values = [taus, *proportion(within, len(scores)), np.full(len(taus), len(scores))]
        profile = pd.DataFrame(dict(zip(columns[1:], values, strict=True)))
        tables.append(profile.assign(optimizer=name)[columns])
    return pd.concat(tables, ignore_index=True)


def _headline(rows: pd.DataFrame) -> str:
    best = rows[rows["tau"] == 1].nlargest(1, "estimate").iloc[0]
    share = f"{100 * best['estimate']:.0f} % of {best['n']} problems"
    return f"{display_name(best['optimizer'])} has the lowest error on {share}."


PERFORMANCE_PROFILES = Measure(
    "profiles",
    "Performance profiles",
    "The share of problems on which an optimizer's best setting is within a factor of the best "
    "optimizer's test error (regression: loss). With a factor of 1, the share on which it is "
    "the best. An optimizer that diverged on every seed is within no factor. Intervals over "
    "problems (Wilson's).",
    performance_profiles,
    _headline,
    "several optimizers on several problems",
    {"tau": "within a factor of", "optimizer": "", "estimate": ""},
    pivot="optimizer",
    order=140,
)
