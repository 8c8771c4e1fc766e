"""Which rows count, of a run that was trained several times."""

import pyarrow as pa

from adamcmp.storage.rows import superseded


def part(*rows):
    """Return the rows of a part, given as (run_id, variant, attempt)."""
    names = ("run_id", "variant", "attempt")
    return pa.Table.from_pylist([dict(zip(names, row, strict=True)) for row in rows])


def test_the_highest_attempt_counts_whatever_the_order_of_the_parts():
    parts = {"1": part(("a", "", 1), ("b", "", 0)), "2": part(("a", "", 0), ("b", "", 1))}
    assert superseded(parts) == {"1": {"b"}, "2": {"a"}}


def test_of_equal_attempts_the_last_part_counts():
    """Two processes that append the same run at the same moment write the same attempt."""
    parts = {name: part(("a", "", 1)) for name in ("1", "2", "3")}
    assert superseded(parts) == {"1": {"a"}, "2": {"a"}, "3": set()}


def test_all_rows_of_a_run_are_of_one_training():
    """A variant that only an earlier part has is of another training than the last part."""
    parts = {"1": part(("a", "", 0), ("a", "ema", 0)), "2": part(("a", "", 0))}
    assert superseded(parts) == {"1": {"a"}, "2": set()}


def test_a_new_attempt_replaces_all_variants():
    parts = {"1": part(("a", "", 0), ("a", "ema", 0)), "2": part(("a", "", 1))}
    assert superseded(parts) == {"1": {"a"}, "2": set()}


def test_a_study_without_parts():
    assert superseded({}) == {}
