"""Columns of tables for display."""

import pandas as pd

from adamcmp.reporting.tables import Table, shown_columns
from tests.support.tables import TABLE


def test_columns():
    optimizer, error, n = shown_columns(TABLE)
    assert [optimizer.heading, error.heading, n.heading] == ["optimizer", "test error (%)", "n"]
    assert error.texts == ["25 [20, 30]", "12"]
    assert error.best == {1} and error.values == [0.25, 0.1234]
    assert n.texts == ["3", "1"] and not n.best
    assert optimizer.texts == ["Adam+L2", "a|b"] and optimizer.values == ["adam_l2", "a|b"]


def test_a_column_of_each_optimizer_has_its_display_name():
    data = pd.DataFrame({"setting": "lr", "optimizer": ["adamw", "mine"], "estimate": ["1", "2"]})
    headings = {"setting": "setting", "optimizer": "", "estimate": ""}
    _, adamw, mine = shown_columns(Table("t", "", "", data, headings=headings, pivot="optimizer"))
    assert (adamw.heading, adamw.name) == ("AdamW", "adamw") and mine.heading == "mine"


def test_the_digits_of_a_column_follow_its_intervals():
    data = pd.DataFrame({"estimate": [1234.5678, -3.0], "ci_low": [1000, -4.0]})
    data["ci_high"] = [1500, -2.0]
    (column,) = shown_columns(Table("t", "", "", data))
    assert column.texts == ["1234.6 [1000.0, 1500.0]", "−3.0 [−4.0, −2.0]"]


def test_the_digits_of_each_metric_are_its_own():
    data = pd.DataFrame({"metric": ["test_error", "test_loss", "test_error"]}, index=[4, 2, 7])
    data = data.assign(
        estimate=[0.2, 1.2345, 0.4], ci_low=[0.1, 1.23, 0.3], ci_high=[0.3, 1.24, 0.5]
    )
    *_, column = shown_columns(Table("t", "", "", data))
    assert column.texts == ["20 [10, 30]", "1.234 [1.230, 1.240]", "40 [30, 50]"]
