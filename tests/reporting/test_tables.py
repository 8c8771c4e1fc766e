"""Columns of tables for display."""

import pandas as pd

from adamcmp.reporting.tables import Table, shown_columns
from tests.support.tables import TABLE


def test_columns():
    optimizer, error, n = shown_columns(TABLE)
    assert [optimizer.heading, error.heading, n.heading] == ["optimizer", "test error (%)", "n"]
    assert error.texts == ["25 [20, 30]", "12.3"]
    assert error.best == {1} and error.values == [0.25, 0.1234]
    assert n.texts == ["3", "1"] and not n.best


def test_digits_follow_the_interval():
    data = pd.DataFrame({"estimate": [1234.5678, 0.00012345, -3.0], "ci_low": [1000, 1e-4, -4.0]})
    data["ci_high"] = [1500, 2e-4, -2.0]
    assert shown_columns(Table("t", "", "", data))[0].texts == [
        "1235 [1000, 1500]",
        "0.00012 [0.00010, 0.00020]",
        "−3.0 [−4.0, −2.0]",
    ]
