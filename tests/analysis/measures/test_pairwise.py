"""The comparisons of a report: all pairs of optimizers on several metrics."""

import pandas as pd

from adamcmp.analysis import RunTable, comparisons
from adamcmp.analysis.measures.pairwise import PAIRWISE_COMPARISONS
from tests.support.seeded_runs import NAN, A, B, at_setting, runs_from


def pairwise(runs):
    return PAIRWISE_COMPARISONS.compute(RunTable(runs))


def test_the_metrics_that_runs_have_are_compared():
    runs = runs_from([*at_setting("adamw", A), *at_setting("sgd", B)])
    table = pairwise(runs).set_index("metric")
    assert list(table.index) == ["test_error", "train_loss"]
    test_error = comparisons(RunTable(runs), "test_error").iloc[0]
    assert table.loc["test_error", "estimate"] == test_error["estimate"]


def test_seeds_are_needed_only_where_a_difference_is_not_significant():
    runs = runs_from([*at_setting("adamw", A), *at_setting("sgd", B), *at_setting("adam", A[::-1])])
    table = pairwise(runs)
    table = table[table["metric"] == "test_error"]
    assert (table["seeds_needed"].isna() == (table["better"] != "")).all()
    assert set(table["better"] != "") == {True, False}


def test_a_pair_without_results_is_kept_for_the_metric_that_judges():
    diverged = [("sgd", 0.1, seed, NAN, NAN, "diverged") for seed in range(3)]
    table = pairwise(runs_from([*at_setting("adamw", A), *diverged]))
    assert table["metric"].tolist() == ["test_error"] and pd.isna(table["estimate"]).all()
