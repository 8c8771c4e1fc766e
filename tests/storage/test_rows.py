"""Which rows count, of a run that was trained several times."""

from adamcmp.storage.rows import RowKey, RunRow, superseded


def test_the_highest_attempt_counts_then_the_later_part():
    first = {RowKey("a", ""): RunRow(1, "done"), RowKey("b", ""): RunRow(0, "failed")}
    second = {RowKey("a", ""): RunRow(0, "failed"), RowKey("b", ""): RunRow(0, "done")}
    assert superseded([first, second]) == [{RowKey("b", "")}, {RowKey("a", "")}]


def test_a_new_attempt_replaces_all_variants():
    first = {RowKey("a", ""): RunRow(0, "done"), RowKey("a", "ema"): RunRow(0, "done")}
    second = {RowKey("a", ""): RunRow(1, "done")}
    assert superseded([first, second]) == [set(first), set()]
