"""The table of pairs beside the forest plot."""

import pytest

from adamcmp.analysis import comparisons, verdicts
from adamcmp.analysis.question import Question
from adamcmp.reporting.pairs import pair_table
from tests.support import hand_made


def pairs_of(**options):
    table = hand_made.table(**options)
    (verdict,) = verdicts(comparisons(table))
    return pair_table(verdict), comparisons(table)


def test_the_leading_optimizer_is_first_and_its_lead_in_points():
    table, rows = pairs_of(optimizers=("sgd", "adamw"), seeds=8)
    (pair,), row = table.pairs, rows.iloc[0]
    assert table.unit == " (points)"
    assert pair.optimizers == ("sgd", "adamw") and pair.significant
    assert pair.text == "SGD beats AdamW" and float(pair.p) == pytest.approx(
        row["p_holm"], abs=1e-3
    )
    lead, interval = pair.lead.split(" ", 1)
    assert float(lead) == pytest.approx(-100 * row["estimate"], abs=0.1)
    low, high = (float(bound) for bound in interval.strip("[]").split(", "))
    assert low == pytest.approx(-100 * row["ci_high"], abs=0.1)
    assert high == pytest.approx(-100 * row["ci_low"], abs=0.1)


def test_equality_within_the_margin_is_marked():
    rows = comparisons(hand_made.table(seeds=8).asking(Question(margin=50)))
    assert rows["equal"].all()
    (verdict,) = verdicts(rows.assign(better=""))
    table = pair_table(verdict)
    (pair,) = table.pairs
    assert pair.equal and " equals " in pair.text and table.margin == "50 points"
    low, high = table.margin_band
    assert low <= table.zero <= high
    without, _ = pairs_of(seeds=8)
    assert without.margin == "" and without.margin_band is None and not without.pairs[0].equal


def test_positions_are_on_one_axis_that_contains_zero():
    table, rows = pairs_of(optimizers=("sgd", "adamw", "adam_l2"), seeds=8)
    assert ("0", table.zero) in table.ticks
    label, position = table.ticks[-1]
    per_point = (position - table.zero) / float(label)
    for pair in table.pairs:
        (row,) = rows[
            (rows["a"] == pair.optimizers[0]) & (rows["b"] == pair.optimizers[1])
        ].to_dict("records")
        expected = table.zero - 100 * row["estimate"] * per_point
        assert pair.position == pytest.approx(expected, abs=0.05)
        start, end = pair.interval
        assert 0 <= start < pair.position < end <= 100


def test_a_loss_has_no_unit():
    table, _ = pairs_of(regression=True)
    assert table.unit == ""


def test_one_seed_has_a_lead_and_no_interval():
    table, _ = pairs_of(seeds=1)
    (pair,) = table.pairs
    assert pair.interval is None and pair.position is not None
    assert pair.text == "Adam+L2 leads AdamW" and pair.p == "–" and "[" not in pair.lead


def test_an_optimizer_without_completed_runs():
    runs, metrics = hand_made.study(seeds=2)
    lost = runs["optimizer"] == "adamw"
    runs.loc[lost, "status"] = "diverged"
    runs.loc[lost, ["test_error", "val_error", "test_loss", "val_loss", "train_loss"]] = float(
        "nan"
    )
    (verdict,) = verdicts(comparisons(hand_made.RunTable(runs, metrics)))
    (pair,) = pair_table(verdict).pairs
    assert pair.lead == "no completed run" and pair.position is None and pair.p == "–"


def test_equal_results():
    runs, metrics = hand_made.study(seeds=2)
    for column in ("test_error", "val_error"):
        runs[column] = 0.25
    (verdict,) = verdicts(comparisons(hand_made.RunTable(runs, metrics)))
    table = pair_table(verdict)
    assert table.pairs[0].text == "Adam+L2 equals AdamW" and table.pairs[0].position == table.zero
