"""The tuning budgets of optimizers, and the runs that are missing."""

import pandas as pd

from adamcmp.analysis import RunTable, budgets
from adamcmp.analysis.example import example_table
from adamcmp.analysis.measures.budgets import budget_summary
from tests.support.audited import study


def test_other_seeds_are_not_missing():
    runs, _ = study({"adam_l2": 0.3, "adamw": 0.25}, seeds=9)
    adamw = runs["optimizer"] == "adamw"
    others = runs[(adamw & (runs["seed"] > 2)) | (~adamw & (runs["seed"] < 6))]
    assert budgets(RunTable.from_frames(others))["missing"].tolist() == [0, 0]
    untuned = runs[adamw & (runs["lr"] == 0.1)]  # nine seeds of a single setting
    tuned = runs[~adamw & (runs["seed"] < 3)]
    assert budgets(RunTable.from_frames(pd.concat([tuned, untuned])))["missing"].tolist() == [0, 0]


def test_evaluation_seeds_of_selected_settings_are_not_missing():
    runs, _ = study({"adam_l2": 0.3, "adamw": 0.25}, seeds=9)
    two_stages = runs[(runs["seed"] < 3) | (runs["lr"] == 0.1)]
    assert budgets(RunTable.from_frames(two_stages))["missing"].tolist() == [0, 0]


def test_budgets_that_differ_between_problems_are_named_by_problem():
    table = budgets(example_table())
    assert budget_summary(table).startswith("On each problem, Adam+L2 and AdamW had 25 settings")
    summary = budget_summary(table.assign(runs=[3, 125, 125, 125]))
    assert summary.startswith("Adam+L2 on mnist1d, mlp had 25 settings and 3 runs; AdamW on mnist")
    assert "AdamW on spirals, mlp" in budget_summary(table[1:])
