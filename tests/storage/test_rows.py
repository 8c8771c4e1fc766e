"""Which rows count, of a run that was trained several times."""

from adamcmp.storage.rows import RowKey, RunRow, of_final_weights, superseded


def test_the_highest_attempt_counts_then_the_later_part():
    first = {RowKey("a", ""): RunRow(1, "done"), RowKey("b", ""): RunRow(0, "failed")}
    second = {RowKey("a", ""): RunRow(0, "failed"), RowKey("b", ""): RunRow(0, "done")}
    assert superseded([first, second]) == [{RowKey("b", "")}, {RowKey("a", "")}]


def test_a_new_attempt_replaces_all_variants():
    first = {RowKey("a", ""): RunRow(0, "done"), RowKey("a", "ema"): RunRow(0, "done")}
    second = {RowKey("a", ""): RunRow(1, "done")}
    assert superseded([first, second]) == [set(first), set()]


def test_final_weights_are_the_variant_without_a_name():
    rows = {RowKey("a", "ema"): 1, RowKey("a", ""): 2, RowKey("b", ""): 3, RowKey("b", "swa"): 4}
    assert of_final_weights(rows) == {"a": 2, "b": 3}
