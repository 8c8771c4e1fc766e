"""The description of a measure."""

from adamcmp.analysis.measures.measure import column_headings


def test_columns_that_identify_a_row_come_first():
    headings = column_headings(estimate="slope", optimizer="method")
    assert list(headings) == ["problem", "optimizer", "a", "b", "metric", "estimate"]
    assert (headings["optimizer"], headings["estimate"], headings["a"]) == ("method", "slope", "a")
