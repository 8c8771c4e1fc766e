"""The test scores of the best settings on each problem, for ranks and performance profiles."""

from __future__ import annotations

import numpy as np
import pandas as pd

from adamcmp.analysis.run_table import RunTable
from adamcmp.analysis.setting_matrix import penalized, selectable


def problem_scores(table: RunTable) -> pd.DataFrame:
    """Return the test means over seeds of the best settings.

    Diverged seeds are penalized (`adamcmp.analysis.setting_matrix`). Problems without runs of every
    optimizer are left out.

    Returns:
        Test error (regression: loss) with one row per problem, one column per optimizer; infinite
        where every run of the best setting diverged, so that no completed run is as bad.
    """
    table = selectable(table)
    if table.runs.empty:
        return pd.DataFrame()
    selected = table.selected()["run_id"]
    scores = {}
    for problem, subtable in table.by_problem():
        runs = penalized(subtable)
        runs = runs[runs["run_id"].isin(selected)]
        diverged = (runs["status"] == "diverged").groupby(runs["optimizer"]).all()
        means = runs.groupby("optimizer")[subtable.metric()].mean()
        scores[problem] = means.mask(diverged, np.inf)
    result = pd.DataFrame(scores).T
    return result[[o for o in table.optimizers if o in result]].dropna()
