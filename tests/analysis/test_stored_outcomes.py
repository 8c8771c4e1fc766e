"""The stored outcomes of runs on single examples."""

import numpy as np
import pandas as pd
import pytest

from adamcmp.analysis import RunTable
from tests.support.example_outcomes import drawn, table_with_outcomes
from tests.support.random_numbers import rng

WRONG = drawn(rng(), {"adamw": 1, "sgd": 1}, seeds=3, examples=40)
TABLE = table_with_outcomes(WRONG, total=400)


def test_outcomes_are_in_the_order_of_the_runs():
    outcomes = TABLE.outcomes.of(["sgd0.12", "adamw0.10"], "test", "error")
    assert outcomes.total == 400
    np.testing.assert_array_equal(outcomes.values, [WRONG["sgd"][2], WRONG["adamw"][0]])


@pytest.mark.parametrize("asked", [("val", "error"), ("test", "loss")])
def test_outcomes_that_are_not_stored(asked):
    assert TABLE.outcomes.of(["sgd0.12"], *asked) is None


def test_sub_tables_keep_outcomes():
    part = TABLE.of_problem("d, m").where(TABLE.runs["seed"] < 2)
    assert part.outcomes.of(["sgd0.10"], "test", "error") is not None


def test_outcomes_of_pooled_studies_that_share_runs():
    twice = pd.concat([TABLE.all_examples] * 2)
    table = RunTable(TABLE.runs, all_examples=twice)
    assert table.outcomes.of(["sgd0.10"], "test", "error").values.shape == (1, 40)


def test_outcomes_of_different_examples_are_none():
    table = table_with_outcomes(WRONG, set_ids={"sgd": "another"})
    assert table.outcomes.of(["sgd0.10", "adamw0.10"], "test", "error") is None
